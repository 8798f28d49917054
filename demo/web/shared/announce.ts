import { type Signal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** What screen readers are told: the page has one live region for it (`App`), there from the beginning, as they need it. */
export const announcement: Signal<string> = signal("");

/** Says something to screen readers once they are done with what they say. */
export function announce(text: string): void {
  announcement.value = text;
}

/** Says a text whenever it changes. @param text null: nothing */
export function useAnnounced(text: string | null): void {
  useEffect(() => {
    if (text !== null) announce(text);
  }, [text]);
}

/** `training` of `training: 6 of 60; 29 images per second`: what is being done, without the numbers that change all the time. */
export function phaseOf(label: string): string {
  return (label.split(":", 1)[0] ?? "").replace(/ \d+ of \d+$/, "");
}
