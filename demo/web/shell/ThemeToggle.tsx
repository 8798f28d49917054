import { signal } from "@preact/signals";

type Theme = "system" | "light" | "dark";
const themes: readonly Theme[] = ["system", "light", "dark"];
const names: Readonly<Record<Theme, string>> = { system: "System", light: "Light", dark: "Dark" };

const chosen = document.documentElement.dataset.theme;
const theme = signal<Theme>(chosen === "light" || chosen === "dark" ? chosen : "system");

/** Light, dark, or as the system has it; kept in this browser (theme.ts reads it before the page is drawn). */
export function ThemeToggle() {
  return (
    <label class="theme">
      <span>Theme</span>
      <select value={theme.value} onChange={(event) => choose(event.currentTarget.value)}>
        {themes.map((one) => (
          <option key={one} value={one}>
            {names[one]}
          </option>
        ))}
      </select>
    </label>
  );
}

function choose(value: string): void {
  theme.value = themes.find((one) => one === value) ?? "system";
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  try {
    localStorage.setItem("equipoise theme", theme.value);
  } catch {
    // Storage is off: the choice lasts as long as the page.
  }
}
