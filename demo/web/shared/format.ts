/** Numbers and sizes as the page says them. */

const units = ["bytes", "kB", "MB", "GB"] as const;

/** @param bytes in thousands, as file managers count */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** The largest network or run that a page opens, bytes: a VGG19 of full width has 80 MB. */
export const mostOpenedBytes = 1e9;

/** @throws Error when a file is larger than a page opens; nothing of it is read yet */
export function checkOpenable({ name, size }: { readonly name: string; readonly size: number }): void {
  if (size > mostOpenedBytes)
    throw new Error(`${name}: has ${formatBytes(size)}; a page opens up to ${formatBytes(mostOpenedBytes)}`);
}

/** @param part 0 to 1 */
export function formatPercent(part: number, digits = 1): string {
  return `${(100 * part).toFixed(digits)}\u00a0%`;
}

/** "1 colony", "3 colonies". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
