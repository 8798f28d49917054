import { useLayoutEffect, useRef, useState } from "preact/hooks";

interface ConfirmButtonProps {
  /** What it does, as "Remove this run". */
  readonly label: string;
  /** What the second press does, as "Remove it for good". */
  readonly sure: string;
  readonly onConfirm: () => void;
}

/** A button for what cannot be taken back: it asks, and does it when it is pressed once more. */
export function ConfirmButton({ label, sure, onConfirm }: ConfirmButtonProps) {
  const [asking, setAsking] = useState(false);
  const both = useRef<HTMLFieldSetElement>(null);
  /** What has the focus once it is drawn. */
  const next = useRef<HTMLButtonElement>(null);
  const moved = useRef(false);
  useLayoutEffect(() => {
    if (moved.current) next.current?.focus();
    moved.current = false;
  }, [asking]);
  const turn = (ask: boolean, moves = true) => {
    moved.current = moves;
    setAsking(ask);
  };
  if (!asking)
    return (
      <button type="button" ref={next} onClick={() => turn(true)}>
        {label}
      </button>
    );
  return (
    <fieldset
      ref={both}
      class="confirm"
      aria-label={label}
      onKeyDown={({ key }) => key === "Escape" && turn(false)}
      onFocusOut={({ relatedTarget }) => {
        if (relatedTarget instanceof Node && !both.current?.contains(relatedTarget)) turn(false, false);
      }}
    >
      <button type="button" ref={next} onClick={() => turn(false)}>
        Keep
      </button>
      <button
        type="button"
        class="danger"
        onClick={() => {
          turn(false, false);
          onConfirm();
        }}
      >
        {sure}
      </button>
    </fieldset>
  );
}
