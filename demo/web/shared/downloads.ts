/** Hands a file to the visitor. The name is cleaned of what file systems refuse by the browser itself. */
export function download(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has the content by then; revoking at once would cancel the download in some.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
