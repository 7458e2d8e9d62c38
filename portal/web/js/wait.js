// A button that may be pressed again in a while says when. Without JavaScript it may be pressed at once: the server keeps the pause.
import { fill } from "./say.js";

function run(button) {
  const until = Date.now() + Number(button.dataset.wait) * 1000;
  const words = button.querySelector("span");
  const ready = words.textContent;
  const tick = () => {
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    button.disabled = left > 0;
    words.textContent = left
      ? fill(button.dataset.wordsWait, { time: `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` })
      : ready;
    if (left) setTimeout(tick, 1000);
  };
  tick();
}

export function watchWait() {
  document.querySelectorAll("[data-wait]").forEach((button) => { if (Number(button.dataset.wait) > 0) run(button); });
}
