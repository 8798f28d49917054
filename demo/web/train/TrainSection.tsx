import { useEffect } from "preact/hooks";
import { Progress } from "../shared/Progress.js";
import { showProblem } from "../state.js";
import { Labelling } from "./Labelling.js";
import { RunForm } from "./RunForm.js";
import { RunView } from "./RunView.js";
import { opened, watchRun } from "./run.js";
import { Sources } from "./Sources.js";
import { reading, restoreSession, trainImages } from "./session.js";

/** Train here: images, labels, a training, and what it gives. */
export function TrainSection() {
  useEffect(() => {
    watchRun()
      .then(restoreSession)
      .catch((error: unknown) => showProblem("Looking for an earlier training", error));
  }, []);
  return (
    <>
      <p>
        Trains a classifier on your colonies from a few labels and many images without: by iterative pseudo balancing,
        with your GPU. A teacher learns from the labels, labels the rest, and a student learns from both.
      </p>
      <Sources />
      <p role="status">{opened.value}</p>
      {reading.value && <Progress {...reading.value} />}
      {trainImages.value.length > 0 && (
        <>
          <Labelling />
          <RunForm />
        </>
      )}
      <RunView />
    </>
  );
}
