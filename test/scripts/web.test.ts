import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build as bundle } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserOptions } from "../../scripts/build.mjs";
import { findChromium, whyNotInstallChromium } from "../../scripts/chromium.mjs";
import type { Machine } from "../../scripts/platform.mjs";
import { HEADERS, POLICY } from "../../scripts/site.mjs";
import { type Served, serve } from "../../scripts/web.mjs";

const PROJECT = resolve(import.meta.dirname, "../..");

describe("serve", () => {
  const folder = mkdtempSync(join(tmpdir(), "equipoise-web-"));
  let site: Served;
  beforeAll(async () => {
    mkdirSync(join(folder, "site/v-1"), { recursive: true });
    writeFileSync(join(folder, "secret.txt"), "secret");
    writeFileSync(join(folder, "site/index.html"), "<!doctype html><title>here</title>");
    writeFileSync(join(folder, "site/v-1/main.js"), "export {};");
    site = await serve(join(folder, "site"));
  });
  afterAll(async () => {
    await site.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The path is sent as it stands: `fetch` would tidy it up. */
  function ask(
    path: string,
    method = "GET",
  ): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
    const { hostname, port } = new URL(site.url);
    return new Promise((done, fail) => {
      const sent = request({ hostname, port, path, method }, (response) => {
        let text = "";
        response.on("data", (part) => {
          text += part;
        });
        response.on("end", () => done({ status: response.statusCode ?? 0, headers: response.headers, text }));
      });
      sent.on("error", fail);
      sent.end();
    });
  }

  test("sends the page with the policy, and files under a version for ever", async () => {
    const page = await ask("/?anything");
    expect(page).toMatchObject({ status: 200, text: expect.stringContaining("<title>here") });
    expect(page.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": HEADERS["Content-Security-Policy"],
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache",
    });
    const script = await ask("/v-1/main.js");
    expect(script.headers).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "cache-control": expect.stringContaining("immutable"),
    });
  });

  test.each(["/../secret.txt", "/%2e%2e/secret.txt", "/v-1/../../secret.txt", "/v-1", "/none.js", "/%", "/%00"])(
    "%s is not found",
    async (path) => {
      expect((await ask(path)).status).toBe(404);
    },
  );

  test("only reads, and sends no content to HEAD", async () => {
    expect((await ask("/", "POST")).status).toBe(405);
    expect(await ask("/", "HEAD")).toMatchObject({ status: 200, text: "" });
  });

  test("a port that is taken is named, with what to do", async () => {
    const port = Number(new URL(site.url).port);
    await expect(serve(folder, { port })).rejects.toThrow(`localhost:${port}: it is in use. Choose another port`);
  });
});

test("the policy allows nothing inline, no eval and no other origin", () => {
  expect(POLICY).toMatch(/^default-src 'none'/);
  expect(POLICY).not.toMatch(/unsafe-inline|'unsafe-eval'|https?:|\*/);
});

describe("Chromium", () => {
  test("a path that holds no browser is refused, not passed over", () => {
    expect(() => findChromium({ EQUIPOISE_CHROMIUM: join(PROJECT, "package.json"), PATH: "" })).toThrow(
      /EQUIPOISE_CHROMIUM=.*package\.json: no browser starts there/,
    );
  });

  test.skipIf(process.platform === "win32")(
    "a program that does not start is none, as Ubuntu's package without snap",
    () => {
      const folder = mkdtempSync(join(tmpdir(), "equipoise-path-"));
      try {
        writeFileSync(join(folder, "chromium"), "#!/bin/sh\necho install the snap >&2\nexit 1\n", { mode: 0o755 });
        expect(findChromium({ PATH: folder })).not.toBe(join(folder, "chromium"));
        writeFileSync(join(folder, "chromium"), "#!/bin/sh\necho Chromium 156.0\n", { mode: 0o755 });
        expect(findChromium({ PATH: folder })).toBe(join(folder, "chromium"));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );

  test("is installed by root on Debian and Ubuntu, where that is not forbidden", () => {
    const debian: Machine = {
      ...{ os: "linux", arch: "x64", name: "Debian 12", distro: "debian", family: ["debian"] },
      ...{ version: 12, codename: "bookworm", root: true },
    };
    const why = (part: Partial<Machine>, env = {}) => whyNotInstallChromium({ machine: { ...debian, ...part }, env });
    expect(why({})).toBeNull();
    expect(why({ root: false })).toMatch(/root/);
    expect(why({ distro: "fedora", name: "Fedora 43" })).toBe("Fedora 43 has no apt");
    expect(why({}, { EQUIPOISE_NO_INSTALL: "1" })).toMatch(/EQUIPOISE_NO_INSTALL/);
  });
});

test("engine and shaders stay small, and the sizes that the documentation states are those of the bundle", async () => {
  const size = async (entry: string) => {
    const { outputFiles } = await bundle({
      ...browserOptions(PROJECT),
      entryPoints: [entry],
      format: "esm",
      write: false,
    });
    return gzipSync(outputFiles[0]?.contents ?? new Uint8Array(), { level: 9 }).length / 1000;
  };
  const [engine, all] = [await size("engine/index.ts"), await size("browser.ts")];
  expect(all).toBeLessThan(150);
  const text = readFileSync(join(PROJECT, "docs/embedding.md"), "utf8");
  const stated = (what: string) => Number(new RegExp(`\\| ${what}[^|]*\\| (\\d+) kB`).exec(text)?.[1]);
  expect(Math.abs(stated("engine and shaders") - engine), `${engine} kB`).toBeLessThan(0.1 * engine);
  expect(Math.abs(stated("with models") - all), `${all} kB`).toBeLessThan(0.1 * all);
});
