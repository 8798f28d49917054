/** Classify: what each colony is, and how sure the network is. */
export function ClassifySection() {
  return <p>Classify the colonies of an image.</p>;
}
