// One polite voice per page for screen readers.
export function say(text) {
  const voice = document.getElementById("say");
  if (!voice || !text) return;
  voice.textContent = "";
  setTimeout(() => { voice.textContent = text; }, 60);
}

export function fill(text, values) {
  return (text || "").replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
