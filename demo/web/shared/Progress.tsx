import { phaseOf, useAnnounced } from "./announce.js";

/** How far some work is, with a button that ends it. */
export interface ProgressProps {
  /** What is being done, as "Finding colonies in A01.png". */
  readonly label: string;
  /** 0 to 1; null: not known. */
  readonly done: number | null;
  readonly onCancel?: (() => void) | undefined;
}

export function Progress({ label, done, onCancel }: ProgressProps) {
  useAnnounced(phaseOf(label));
  return (
    <div class="progress">
      <span>{label}</span>
      <progress {...(done === null ? {} : { value: done, max: 1 })} aria-label={label} />
      {onCancel && (
        <button type="button" onClick={onCancel}>
          Stop
        </button>
      )}
    </div>
  );
}
