// Sets the theme before the page is painted. Loaded without defer, so it stays this small.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch {
      return "auto";
    }
  };
  const apply = () => {
    const choice = chosen();
    root.dataset.themeChoice = choice;
    root.dataset.bsTheme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
  };
  root.classList.add("js");
  apply();
  dark.addEventListener("change", apply);
  addEventListener("storage", apply);
  addEventListener("theme", apply);
})();
