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

/**
 * @param {string} output
 * @param {number} [first]
 * @param {number} [last]
 * @returns {string} its beginning and its end, indented: npm says what went wrong first, and then how npm is used
 */
export function headAndTail(output, first = 12, last = 4) {
  const all = output.split("\n").filter((line) => line.trim() !== "");
  const lines = all.length > first + last ? [...all.slice(0, first), "...", ...all.slice(-last)] : all;
  return lines.map((line) => `  | ${line}`).join("\n");
}
