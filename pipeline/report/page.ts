/** Puts a run's numbers, figures and words together on one page. */
import type { RunData } from "./data.js";
import { duration } from "./format.js";
import { galleries } from "./gallery.js";
import { headline } from "./headline.js";
import { type Content, type Html, html, missing, trusted } from "./html.js";
import { styleSheet } from "./style.js";
import { classTable, configText, confusionTable, factsTable, imageTable } from "./tables.js";
import { insideTheStep, pseudoLabels, training } from "./training.js";

/** The whole document. */
export async function page(run: RunData): Promise<string> {
  const { examples, mistakes } = await galleries(run);
  const document = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Equipoise"><title>${run.name} · Equipoise report</title>
<style>${trusted(styleSheet)}</style></head><body>
<header><h1>${run.name}</h1><p class="facts">${subtitle(run)}</p></header>
<main>
${section("result", "Result on the test part", headline(run))}
${section("per-class", "Right and wrong, class by class", perClass(run))}
${section("training", "How the networks learned", training(run))}
${section("pseudo-labels", "Pseudo-labels and balancing", pseudoLabels(run))}
${section("meta-step", "Inside the teacher-student step", insideTheStep(run))}
${section("examples", "Test images of each class", html`<p class="intro">${examplesIntro(run)}</p>${examples}`)}
${section("mistakes", "Misclassified test images", html`<p class="intro">${mistakesIntro(run)}</p>${mistakes}`)}
${section("images", "Images", images(run))}
${section("config", "Configuration", config(run))}
${section("environment", "Environment", environment(run))}
${run.notes.length > 0 && section("notes", "Notes on this run", notes(run))}
</main>
<footer><p class="small">“The paper” is A. Witmer and B. Bhanu, Iterative pseudo balancing for stem cell microscopy image
classification, Scientific Reports 14, 4489 (2024). Made by Equipoise from the files of the run; this file needs no
network.</p></footer>
</body></html>
`;
  return document.markup;
}

function section(id: string, title: string, content: Content): Html {
  return html`<section id="${id}"><h2>${title}</h2>
${content}
</section>`;
}

function subtitle({ config, environment, result }: RunData): string {
  const all = { ...environment?.all, ...config?.all };
  const started = text(environment?.all.startedAt)?.replace(/T(\d+:\d+).*Z$/, " $1 UTC");
  const parts = [
    text(all.config),
    labelled("preset", all.preset),
    labelled("recipe", all.recipe),
    labelled("network", all.model),
    labelled("seed", all.seed),
    adapterText(environment?.all.adapter as Record<string, unknown> | null | undefined),
    labelled("started", started),
    typeof result?.seconds === "number" ? `took ${duration(result.seconds)}` : null,
  ];
  return parts.filter((part) => part).join(" · ");
}

/** What computed; browsers name the maker and the family alone. */
function adapterText(adapter: Record<string, unknown> | null | undefined): string | null {
  const { device, description, vendor, architecture } = adapter ?? {};
  return text(device) || text(description) || [text(vendor), text(architecture)].filter(Boolean).join(" ");
}

function text(value: unknown): string | null {
  return typeof value === "string" || typeof value === "number" ? String(value) : null;
}

function labelled(name: string, value: unknown): string | null {
  const shown = text(value);
  return shown === null ? null : `${name} ${shown}`;
}

function perClass({ result }: RunData): Html {
  if (!result) return missing("There is no test result yet.");
  const { classes, student, teacher } = result;
  const both = (name: string, evaluation: typeof student): Html => html`<div>
${confusionTable(`${name}: images, shaded by their share of the actual class`, evaluation, classes)}</div>
<div>${classTable(name, evaluation)}</div>`;
  return html`<div class="${sideBySide(classes) ? "pair tables" : "stack"}">${both("Student", student)}
${teacher && both("Teacher", teacher)}</div>
<p class="small">Recall is the true positive rate TP/(TP+FN): of the images of a class, the share that was found. Precision is
TP/(TP+FP): of the images given a class, the share that belongs to it. F1 is their harmonic mean. AUROC is the chance that an image
of the class gets a higher probability for it than an image of another class. A dash: cannot be computed (0/0).</p>
<p class="small">The tables published with the method (the paper's Tables 2 and 5) call precision “TPR”: the program behind them
divides by the predicted counts. Compare them with the precision column here; F1 means the same. In the paper's Table 4 the rows
are the actual classes, as here.</p>`;
}

/** Few classes with short names: matrix and table fit beside each other. */
function sideBySide(classes: readonly string[]): boolean {
  return classes.length <= 5 && classes.every((name) => [...name].length <= 10);
}

function examplesIntro({ config }: RunData): string {
  const patch = config?.facts.patch;
  const size = patch ? ` (${patch.size} × ${patch.size} px)` : "";
  const averaged = config?.facts.test?.patches ?? 1;
  const several = averaged > 1 ? ` The probabilities are means over ${averaged} patches of each image.` : "";
  const inner = patch?.smallSize ? ` The dashed square is the small scale, ${patch.smallSize} px.` : "";
  return (
    `Central patches${size} of test images, from the most to the least probability for the true class. ✓ right, ` +
    `✗ and a frame: taken for another class; with the probability of the answer.${inner}${several}`
  );
}

function mistakesIntro({ classes }: RunData): string {
  const grid = classes.length <= 6 ? " Filled squares: right answers, not shown. Crossed out: never happened." : "";
  return (
    "How many test images of one class were taken for another, with the mistakes the student was surest of and the " +
    `probability it gave its answer (compare Fig. 9 of the paper).${grid}`
  );
}

function images({ environment }: RunData): Html {
  if (!environment?.dataset) return missing("The run does not say which images it used.");
  return imageTable(environment.dataset);
}

function config({ config }: RunData): Html {
  if (!config) return missing("config.json is missing.");
  return html`<p class="small">Every option, as resolved. Saved as a .yaml file it can be given to <code>--config</code> again.</p>
${configText(config.all)}`;
}

function environment({ environment }: RunData): Html {
  return environment ? factsTable(environment.all) : missing("environment.json is missing.");
}

function notes(run: RunData): Html {
  return html`<ul class="notes">${run.notes.map((note) => html`<li>${note}</li>`)}</ul>`;
}
