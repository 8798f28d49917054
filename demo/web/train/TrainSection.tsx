/** Train here: a network from a few labels. */
export function TrainSection() {
  return <p>Train a network on a few labelled images.</p>;
}
