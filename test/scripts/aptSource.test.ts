import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addSuite, backupOf, editSource, hasSuite, recoverSource, sourceFiles } from "../../scripts/aptSource.mjs";

const SUITE = "bookworm-backports";

const DEB822 = `# comment
Types: deb
# a remark inside
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;

describe("deb822", () => {
  test("adds the suite to the stanza of the release and changes nothing else", () => {
    expect(addSuite(DEB822, "debian.sources", "bookworm", SUITE)).toBe(
      DEB822.replace("bookworm-updates\n", "bookworm-updates bookworm-backports\n"),
    );
  });

  test("passes over disabled, source-only and other stanzas", () => {
    const other = "Types: deb-src\nURIs: http://a\nSuites: bookworm\nComponents: main\n";
    const disabled = "Types: deb\nEnabled: no\nURIs: http://a\nSuites: bookworm\nComponents: main\n";
    const contrib = "Types: deb\nURIs: http://a\nSuites: bookworm\nComponents: contrib\n";
    const vendor = "Types: deb\nURIs: http://a\nSuites: ./\n";
    for (const text of [other, disabled, contrib, vendor]) {
      expect(addSuite(text, "a.sources", "bookworm", SUITE)).toBeNull();
    }
    const mixed = addSuite(`${other}\n${disabled}\n${DEB822}`, "a.sources", "bookworm", SUITE);
    expect(mixed).toBe(`${other}\n${disabled}\n${addSuite(DEB822, "a.sources", "bookworm", SUITE)}`);
  });

  test("understands lower case, continuation lines and the name stable", () => {
    const text = "types: deb deb-src\nuris: http://a\nsuites:\n stable\n stable-updates\ncomponents: main contrib\n";
    expect(addSuite(text, "a.sources", "bookworm", SUITE)).toBe(
      text.replace("suites:\n", "suites: bookworm-backports\n"),
    );
  });
});

describe("one line a source", () => {
  const LIST = `# deb http://old bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] http://mirror.example/debian bookworm main contrib # mirror
deb-src http://mirror.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
`;

  test("adds a line with the same options and mirror", () => {
    const lines = addSuite(LIST, "sources.list", "bookworm", SUITE)?.split("\n");
    const added =
      "deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] http://mirror.example/debian bookworm-backports main";
    expect(lines?.[2]).toBe(added);
    expect(lines?.toSpliced(2, 1).join("\n")).toBe(LIST);
  });

  test("does not take a comment, a source package line or a security suite for the release", () => {
    const text = LIST.split("\n")
      .filter((line) => !line.startsWith("deb ["))
      .join("\n");
    expect(addSuite(text, "sources.list", "bookworm", SUITE)).toBeNull();
  });
});

test("hasSuite sees enabled sources only", () => {
  const added = addSuite(DEB822, "a.sources", "bookworm", SUITE) ?? "";
  expect(hasSuite(DEB822, "a.sources", SUITE)).toBe(false);
  expect(hasSuite(added, "a.sources", SUITE)).toBe(true);
  expect(hasSuite(`Enabled: no\n${added.replace("# comment\n", "")}`, "a.sources", SUITE)).toBe(false);
  expect(hasSuite("deb http://a bookworm-backports main\n", "a.list", SUITE)).toBe(true);
  expect(hasSuite("#deb http://a bookworm-backports main\n", "a.list", SUITE)).toBe(false);
});

describe("files", () => {
  let etc = "";
  let file = "";
  beforeEach(() => {
    etc = mkdtempSync(join(tmpdir(), "equipoise-apt-"));
    file = join(etc, "sources.list");
    writeFileSync(file, "deb http://a bookworm main\n");
    chmodSync(file, 0o640);
  });
  afterEach(() => rmSync(etc, { recursive: true, force: true }));

  test("an edit is backed up, keeps the mode, and is taken back once", () => {
    const restore = editSource(file, "changed\n");
    expect(readFileSync(backupOf(file), "utf8")).toBe("deb http://a bookworm main\n");
    expect(readFileSync(file, "utf8")).toBe("changed\n");
    restore();
    expect(readFileSync(file, "utf8")).toBe("deb http://a bookworm main\n");
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(existsSync(backupOf(file))).toBe(false);
    writeFileSync(file, "edited later\n");
    restore();
    expect(readFileSync(file, "utf8")).toBe("edited later\n");
  });

  test("what a killed run left is put back, unless someone has edited the file since", () => {
    const before = readFileSync(file, "utf8");
    const edited = addSuite(before, file, "bookworm", SUITE) ?? "";
    expect(recoverSource(file, "bookworm", SUITE)).toBe(false);
    editSource(file, edited);
    expect(recoverSource(file, "bookworm", SUITE)).toBe(true);
    expect(readFileSync(file, "utf8")).toBe(before);
    editSource(file, edited);
    writeFileSync(file, `${edited}# mine\n`);
    expect(recoverSource(file, "bookworm", SUITE)).toBe(false);
    expect(readFileSync(file, "utf8")).toBe(`${edited}# mine\n`);
    expect(existsSync(backupOf(file))).toBe(false);
  });

  test("a backup is no source that apt reads", () => {
    editSource(file, "changed\n");
    expect(sourceFiles(etc)).toEqual([file]);
  });
});
