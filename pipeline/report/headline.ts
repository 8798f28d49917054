/** The result in plain words: four numbers side by side and what they mean, with their uncertainty. */
import { factsOf } from "../methods.js";
import type { Evaluation } from "../metrics.js";
import { balancedAccuracyInterval, differenceInterval, proportionInterval } from "../uncertainty.js";
import { resultBars } from "./bars.js";
import type { Result, RunData } from "./data.js";
import { count, percent, points, signed } from "./format.js";
import { type Html, html } from "./html.js";

/** Classes with fewer test images than this get a word of warning. */
const FEW = 30;

export function headline(run: RunData): Html {
  const { result } = run;
  if (!result) return unfinished(run);
  return html`${tiles(result)}
<div class="pair"><div><p class="lead">${meaning(result)}</p>
<p>${uncertainty(result.student)}</p>
<p>${baselines(result, run)}</p></div>
<div class="chart">${resultBars(result)}
${result.teacher && html`<p>${comparison(result.teacher, result.student)}</p>`}<p>${hardest(result.student)}</p>
${result.ensemble ? html`<p>${together(result.ensemble)}</p>` : ""}
${result.finetuned && html`<p class="small">After it was chosen, the student was fine-tuned on the labelled images once more.</p>`}</div></div>`;
}

function unfinished({ metrics, result, config, notes }: RunData): Html {
  const { train, pretrain } = metrics?.phases ?? {};
  const student = Math.max(...(train?.epochs ?? []).map((e) => e.balancedAccuracy ?? -1));
  const first = Math.max(...(pretrain?.epochs ?? []).map((e) => e.balancedAccuracy ?? -1));
  const [who, best] =
    student >= 0
      ? ["student", student]
      : [factsOf(config?.facts.method)?.teacher === false ? "student" : "teacher", first];
  const broken = !result && notes.some((note) => note.startsWith("result.json") && !note.includes("missing"));
  return html`<p class="lead missing">${
    broken
      ? "The result of this run cannot be read (see the notes below)."
      : "No test result yet: the run has not finished, or was stopped before its test."
  } ${best >= 0 && `On the validation part, the best balanced accuracy of the ${who} so far is ${percent(best)}.`}</p>`;
}

function tiles(result: Result): Html {
  const { student, teacher } = result;
  return html`<div class="tiles">
${tile("Chance", result.chance, "guessing among the classes", "")}
${tile("Majority", result.majority, "always the most frequent class", "")}
${teacher ? measuredTile("Teacher", teacher, "teacher") : tile("Teacher", null, "this method has none", "teacher")}
${measuredTile("Student", student, "student")}
</div>`;
}

function measuredTile(name: string, evaluation: Evaluation, kind: string): Html {
  const interval = balancedAccuracyInterval(evaluation.confusion);
  const range = interval ? `95 % interval ${percent(interval[0])} to ${percent(interval[1])}` : "no test image";
  return tile(name, evaluation.balancedAccuracy, range, kind);
}

function tile(name: string, value: number | null, words: string, kind: string): Html {
  return html`<div class="tile ${kind}"><span class="name">${name}</span><b>${percent(value)}</b><span>${words}</span></div>`;
}

function meaning({ student, classes }: Result): string {
  return (
    `Shown ${count(student.n)} test images that took no part in training or in choosing the network, the student names the ` +
    `right class for ${percent(student.balancedAccuracy)} of the images of a class, on average over the ${classes.length} ` +
    "classes. A rare class counts as much as a common one: this is balanced accuracy."
  );
}

function uncertainty(student: Evaluation): string {
  const interval = balancedAccuracyInterval(student.confusion);
  if (!interval) return "There was no test image, so nothing can be said.";
  const few = student.perClass.filter((c) => c.support > 0 && c.support < FEW).sort((a, b) => a.support - b.support);
  const absent = student.perClass.filter((c) => c.support === 0);
  const smallest = few[0];
  const parts = [
    `With this many images the true value may well be anywhere from ${percent(interval[0])} to ${percent(interval[1])} ` +
      "(95 % interval, as if all images were independent; images of one well or time series are not, and then it is wider).",
  ];
  if (smallest) {
    const [low, high] = proportionInterval(Math.round((smallest.recall ?? 0) * smallest.support), smallest.support);
    const images = smallest.support === 1 ? "only 1 test image" : `only ${smallest.support} test images`;
    parts.push(
      `${smallest.class} has ${images}: its own share lies between ${percent(low, 0)} and ${percent(high, 0)}.`,
    );
  }
  if (absent.length > 0) parts.push(`Not in the test part, so not judged: ${absent.map((c) => c.class).join(", ")}.`);
  return parts.join(" ");
}

function baselines({ chance, majority, student }: Result, run: RunData): string {
  const labelled = run.environment?.dataset?.counts.L;
  const frequent = labelled ? run.classes[labelled.indexOf(Math.max(...labelled))] : undefined;
  const answer =
    frequent === undefined ? "the most frequent training class" : `“${frequent}”, the most frequent training class,`;
  const supported = student.perClass.find((c) => c.class === frequent)?.support;
  const plain =
    supported === undefined
      ? ""
      : ` (It would be right for ${percent(supported / student.n)} of all images, which is why plain accuracy, here ` +
        `${percent(student.accuracy)}, says little when classes are unequal.)`;
  const interval = balancedAccuracyInterval(student.confusion);
  const verdict = !interval
    ? ""
    : interval[0] > Math.max(chance ?? 0, majority ?? 0)
      ? " The student is clearly better than both."
      : " With this test part the student cannot be told from them.";
  return `Guessing gets ${percent(chance)}; always answering ${answer} gets ${percent(majority)}.${plain}${verdict}`;
}

function comparison(teacher: Evaluation, student: Evaluation): string {
  const [a, b] = [teacher.balancedAccuracy, student.balancedAccuracy];
  const interval = differenceInterval(teacher.confusion, student.confusion);
  if (a === null || b === null || !interval) return "Teacher and student cannot be compared.";
  const gap = points(Math.abs(b - a));
  const how =
    gap === "0.0"
      ? "as good as its teacher"
      : `${gap} percentage points ${b > a ? "better" : "worse"} than its teacher`;
  const range = `95 % interval of the difference ${signed(interval[0])} to ${signed(interval[1])} points, a cautious one`;
  const verdict =
    interval[0] > 0 || interval[1] < 0
      ? "more than a test part of this size would show by chance"
      : "a difference that a test part of this size can show by chance: repeat with other seeds or folds before relying on it";
  return `The student is ${how} (${range}): ${verdict}.`;
}

function together({ balancedAccuracy }: Evaluation): string {
  return (
    `Where both answer together, by the mean of their probabilities, it is ${percent(balancedAccuracy)}; ` +
    "“predict --network ensemble” sorts images so."
  );
}

function hardest({ perClass, confusion }: Evaluation): string {
  const judged = perClass.flatMap((c, i) => (c.recall === null ? [] : [{ ...c, i, recall: c.recall }]));
  const worst = judged.sort((a, b) => a.recall - b.recall)[0];
  if (!worst) return "";
  const row = confusion[worst.i]!;
  const others = row.map((n, c) => ({ n, c })).filter(({ c }) => c !== worst.i);
  const mistaken = others.sort((a, b) => b.n - a.n)[0];
  const found = `Hardest class: ${worst.class}, with ${row[worst.i]} of ${worst.support} found`;
  if (!mistaken || mistaken.n === 0) return `${found}.`;
  return `${found}; it was taken for ${perClass[mistaken.c]!.class} ${mistaken.n === 1 ? "once" : `${mistaken.n} times`}.`;
}
