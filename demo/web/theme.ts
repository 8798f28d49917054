/**
 * Runs before the page is drawn, as a script that blocks: puts the visitor's choice of light or dark on the document, so that
 * nothing flashes. Without a choice the system's preference holds (styles/base.css).
 */
try {
  const chosen = localStorage.getItem("equipoise theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is off in this browser: the system's preference holds.
}
