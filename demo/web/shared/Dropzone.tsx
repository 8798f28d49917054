import { useRef, useState } from "preact/hooks";

export interface DropzoneProps {
  /** What may be dropped, as "PNG, JPEG or TIFF images". */
  readonly what: string;
  /** Of the file dialogue: extensions and types. */
  readonly accept: string;
  readonly label: string;
  /** Whether this is what one does first here (default true). */
  readonly primary?: boolean;
  readonly onFiles: (files: File[]) => void;
}

/** Takes files by dropping, by the file dialogue (mouse or keyboard), and by pasting. */
export function Dropzone({ what, accept, label, primary = true, onFiles }: DropzoneProps) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const take = (files: FileList | null | undefined) => {
    if (files && files.length > 0) onFiles([...files]);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for a form
    <div
      role="group"
      aria-label={label}
      class={over ? "dropzone over" : "dropzone"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
      onPaste={(event) => take(event.clipboardData?.files)}
    >
      <input
        ref={input}
        type="file"
        multiple
        accept={accept}
        class="unseen"
        tabIndex={-1}
        aria-hidden="true"
        onChange={(event) => {
          take(event.currentTarget.files);
          // The same file can then be chosen again.
          event.currentTarget.value = "";
        }}
      />
      <button type="button" class={primary ? "primary" : undefined} onClick={() => input.current?.click()}>
        {label}
      </button>
      <span>or drop {what} here</span>
    </div>
  );
}
