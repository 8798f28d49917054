const stepsInFlight = 2;

/** Steps that the GPU has not finished yet: the host works ahead of it, but not far, so that a stop or an error is soon seen. */
export class StepQueue {
  private readonly steps: Promise<void>[] = [];

  /** Waits until a few steps are left. @throws what one of the steps rejects with */
  async add(step: Promise<void>): Promise<void> {
    step.catch(() => undefined); // seen when its turn comes, or by the next command
    this.steps.push(step);
    if (this.steps.length > stepsInFlight) await this.steps.shift();
  }
}
