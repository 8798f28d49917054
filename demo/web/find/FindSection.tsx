/** Find colonies: images in, boxes and masks out. */
export function FindSection() {
  return <p>Drop images of wells here.</p>;
}
