import type { Command } from "commander";
import { listConfigs } from "../pipeline/config/catalogue.js";
import { configReference } from "../pipeline/config/reference.js";
import { type ConfigRequest, resolveConfig } from "../pipeline/config/resolve.js";
import { configToYaml } from "../pipeline/config/text.js";
import { configRequest, withConfigOptions } from "./configOptions.js";
import type { Session } from "./session.js";

/** `equipoise config`: what can be configured, and what a choice of flags comes to. */
export function addConfig(program: Command, session: Session): void {
  const group = program.command("config").description("show configurations");
  const show = group
    .command("show")
    .description("print the configuration that these flags come to, as YAML for --config");
  withConfigOptions(show)
    .option("--explain", "say what each option means")
    .action((options: ConfigRequest & { explain?: true }) => {
      const config = resolveConfig(configRequest(options));
      session.result(config, configToYaml(config, { explain: options.explain === true }));
    });
  group
    .command("list", { hidden: true })
    .description('the same as "configs"')
    .action(() => list(session));
  group
    .command("reference")
    .description("print a table of every option (Markdown)")
    .action(() => session.result({ markdown: configReference() }, configReference()));
}

/** `equipoise configs`: every named configuration. */
export function addConfigs(program: Command, session: Session): void {
  program
    .command("configs")
    .description("list the named configurations: method, network, scales and source")
    .action(() => list(session));
}

function list(session: Session): void {
  const configs = listConfigs();
  const rows = configs.map(({ name, method, network, scales, unlabelled, balanced, multiLabel, source }) => {
    const details = [...(balanced ? ["balanced"] : []), ...(multiLabel ? ["multi-label"] : [])];
    return [
      name,
      method,
      network,
      scales.join(" + "),
      details.join(", ") || (unlabelled ? "as they are" : "unused"),
      source,
    ];
  });
  const widths = columns.map((head, c) => Math.max(head.length, ...rows.map((row) => row[c]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((text, c) => text.padEnd(widths[c] ?? 0))
      .join("  ")
      .trimEnd();
  session.result(configs, [columns, ...rows].map(line).join("\n"));
}

const columns = ["configuration", "method", "network", "patch (px)", "unlabelled", "source"];
