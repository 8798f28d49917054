import { describe, expect, test } from "vitest";
import { Progress } from "../../cli/progress.js";

/** A progress with a clock that the test moves, and what it wrote. */
function progress(isTTY: boolean, columns = 80) {
  const state = { now: 0, text: "" };
  const sink = {
    isTTY,
    columns,
    write: (text: string) => {
      state.text += text;
    },
  };
  return { state, bar: new Progress(sink, { now: () => state.now }) };
}

describe("without a terminal", () => {
  test("a line at the start, one every ten seconds with the time left, one at the end", () => {
    const { state, bar } = progress(false);
    for (let done = 0; done <= 100; done++) {
      bar.update({ label: "training", done, total: 100, note: `loss ${done}` });
      state.now += 400;
    }
    expect(state.text.split("\n")).toEqual([
      "training 0/100 (0 %) · loss 0",
      "training 25/100 (25 %), 30 s left · loss 25",
      "training 50/100 (50 %), 20 s left · loss 50",
      "training 75/100 (75 %), 10 s left · loss 75",
      "training 100/100 (100 %), 40 s · loss 100",
      "",
    ]);
  });

  test("the time left counts from where a resumed run started", () => {
    const { state, bar } = progress(false);
    bar.update({ label: "epoch", done: 90, total: 100 });
    state.now = 20_000;
    bar.update({ label: "epoch", done: 92, total: 100 });
    expect(state.text).toContain("epoch 92/100 (92 %), 1 min 20 s left");
  });

  test("a new label starts anew at once", () => {
    const { state, bar } = progress(false);
    bar.update({ label: "one", done: 1, total: 2 });
    bar.update({ label: "two", done: 0, total: 2 });
    bar.update({ label: "two", done: 1, total: 2 });
    expect(state.text).toBe("one 1/2 (50 %)\ntwo 0/2 (0 %)\n");
  });
});

test("lines of text between do not bring more lines of progress", () => {
  const { state, bar } = progress(false);
  for (let done = 0; done < 5; done++) {
    bar.update({ label: "x", done, total: 10 });
    bar.line("note");
  }
  expect(state.text).toBe(`x 0/10 (0 %)\n${"note\n".repeat(5)}`);
});

describe("in a terminal", () => {
  test("the bar is redrawn at most ten times a second and always at the end", () => {
    const { state, bar } = progress(true);
    for (let done = 0; done <= 1000; done++) {
      bar.update({ label: "x", done, total: 1000 });
      state.now += 1;
    }
    bar.finish();
    expect(state.text.split("\r").length - 1).toBe(11);
    expect(state.text).toContain("[############------------] x 500/1000 (50 %), 1 s left");
    expect(state.text.endsWith("[########################] x 1000/1000 (100 %), 1 s\n")).toBe(true);
  });

  test("a line of text goes above the bar, which comes back", () => {
    const { state, bar } = progress(true);
    bar.update({ label: "x", done: 1, total: 4 });
    bar.line("note");
    bar.update({ label: "x", done: 2, total: 4 });
    const clear = "\r\u001b[2K";
    expect(state.text).toBe(
      `${clear}[######------------------] x 1/4 (25 %)${clear}note\n${clear}[############------------] x 2/4 (50 %), 0 s left`,
    );
  });

  test("the bar never wraps into a second line", () => {
    const { state, bar } = progress(true, 40);
    bar.update({ label: "a very long description of the work", done: 1, total: 4, note: "loss" });
    expect(state.text.replace("\r\u001b[2K", "")).toHaveLength(39);
  });

  test("nothing to do is done", () => {
    const { state, bar } = progress(true);
    bar.update({ label: "empty", done: 0, total: 0 });
    expect(state.text).toContain("[########################] empty 0/0 (100 %)");
  });
});
