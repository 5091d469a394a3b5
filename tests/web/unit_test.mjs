// node unit_test.mjs <directory with node_modules> <scratch directory> <a test>: bundles a test of the page's modules, which
// are TypeScript, and runs it here.
import {createRequire} from 'node:module';
import {basename, join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';

const [packages, scratch, file] = process.argv.slice(2);
const bundle = resolve(scratch, basename(file));
createRequire(join(packages, 'package.json'))('esbuild').buildSync({
  entryPoints: [file], bundle: true, format: 'esm', platform: 'node', target: 'node18', outfile: bundle, logLevel: 'warning',
});
await import(pathToFileURL(bundle).href);
