import type { ComponentType } from "preact";
import { ClassifySection } from "../classify/ClassifySection.js";
import { FindSection } from "../find/FindSection.js";
import { InsideSection } from "../inside/InsideSection.js";
import { announcement } from "../shared/announce.js";
import { deviceStatus, type Section, section, sections } from "../state.js";
import { TrainSection } from "../train/TrainSection.js";
import { DeviceLine } from "./DeviceLine.js";
import { GpuGone, NoWebGpu } from "./NoWebGpu.js";
import { offline } from "./offline.js";
import { Problems } from "./Problems.js";
import { ThemeToggle } from "./ThemeToggle.js";

const parts: Readonly<Record<Section, { readonly title: string; readonly Content: ComponentType }>> = {
  find: { title: "Find colonies", Content: FindSection },
  classify: { title: "Classify", Content: ClassifySection },
  train: { title: "Train here", Content: TrainSection },
  inside: { title: "Inside", Content: InsideSection },
};

/** The whole page. All sections stay mounted, so that work goes on in those that are not shown. */
export function App() {
  const status = deviceStatus.value;
  const never = status.state === "unavailable" && status.losses === 0;
  return (
    <>
      <a class="skip" href={`#${section.value}`} onClick={focusMain}>
        Skip to the content
      </a>
      <header class="top">
        <div class="inner">
          <div class="brand">
            <strong>Equipoise</strong>
            <span>in the browser</span>
          </div>
          <p class="promise">Your images stay on this machine</p>
          {!never && <Sections />}
          <ThemeToggle />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <Problems />
        {status.state === "unavailable" && !never && <GpuGone reason={status.reason} />}
        {never ? <NoWebGpu status={status} /> : sections.map((name) => <Part key={name} name={name} />)}
      </main>
      <p class="unseen" role="status">
        {announcement.value}
      </p>
      <footer>
        <DeviceLine />
        <p>
          Your images never leave this machine: everything is computed in this page, which sends nothing anywhere.{" "}
          {offlineText()}
        </p>
      </footer>
    </>
  );
}

function Sections() {
  return (
    <nav aria-label="Sections">
      {sections.map((name) => (
        <a key={name} href={`#${name}`} aria-current={section.value === name ? "page" : undefined}>
          {parts[name].title}
        </a>
      ))}
    </nav>
  );
}

function Part({ name }: { readonly name: Section }) {
  const { title, Content } = parts[name];
  return (
    <section id={`section-${name}`} aria-label={title} hidden={section.value !== name}>
      <h1>{title}</h1>
      <Content />
    </section>
  );
}

function offlineText(): string {
  if (offline.value === "ready") return "It is stored in this browser and works without a network.";
  return offline.value === "pending" ? "" : "It works without a network for as long as it stays open.";
}

function focusMain(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
