// Who looks from another zone than Moscow is told whose time each hour is (CSS shows what is marked `elsewhere`).
const MOSCOW = -180;

export function watchZone() {
  if (new Date().getTimezoneOffset() !== MOSCOW) document.documentElement.dataset.elsewhere = "";
}
