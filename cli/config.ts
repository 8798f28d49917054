import type { Command } from "commander";
import { namedConfigs } from "../pipeline/config/named.js";
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
    .command("list")
    .description("list the named configurations")
    .action(() => {
      const rows = Object.entries(namedConfigs).map(([name, { summary }]) => ({ name, summary }));
      session.result(rows, rows.map(({ name, summary }) => `${name.padEnd(16)} ${summary}`).join("\n"));
    });
  group
    .command("reference")
    .description("print a table of every option (Markdown)")
    .action(() => session.result({ markdown: configReference() }, configReference()));
}
