// Before anything is drawn: the theme of the last time, so that a dark console never flashes white.
// It stands alone because the policy of the page allows no inline script.
(() => {
  const chosen = localStorage.getItem("longline-theme") ?? "auto";
  const dark = chosen === "dark" || (chosen === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
