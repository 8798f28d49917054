/** Inside: what a step costs, kernel by kernel, on this adapter. */
export function InsideSection() {
  return <p>What a step costs on this adapter.</p>;
}
