/** Text that set-up and diagnosis have in common. */

/**
 * @param {string} output
 * @param {number} [lines]
 * @returns {string} the last non-empty lines, indented
 */
export function tail(output, lines = 25) {
  const all = output.split("\n").filter((line) => line.trim() !== "");
  return all
    .slice(-lines)
    .map((line) => `  | ${line}`)
    .join("\n");
}
