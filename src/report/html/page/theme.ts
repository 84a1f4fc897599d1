/** Light or dark: as the system has it until the button says otherwise. */

/** Colours of the page for what is drawn on canvas. */
export interface Theme {
  readonly text: string;
  readonly grid: string;
  readonly lines: readonly string[];
  /** From few to many, as `rgb(…)` numbers. */
  readonly heat: readonly [from: readonly number[], to: readonly number[]];
}

const LINES = 6;

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string) => style.getPropertyValue(name).trim();
  const channels = (name: string) =>
    value(name)
      .split(/[\s,]+/)
      .map(Number);
  return {
    text: value("--muted"),
    grid: value("--grid"),
    lines: Array.from({ length: LINES }, (_, i) => value(`--line-${i + 1}`)),
    heat: [channels("--heat-few"), channels("--heat-many")],
  };
}

export function startTheme(onChange: () => void): void {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  let dark = system.matches;
  const show = () => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button?.setAttribute("aria-pressed", String(dark));
    onChange();
  };
  button?.removeAttribute("hidden");
  button?.setAttribute("aria-pressed", String(dark));
  button?.addEventListener("click", () => {
    dark = !dark;
    show();
  });
  system.addEventListener("change", ({ matches }) => {
    dark = matches;
    show();
  });
}
