// node build.mjs <directory with node_modules> <web_assets.cpp>: bundles src/ and page.css, and writes all that the page is
// made of as one C++ file, and beside it, in web_assets.cpp.d, which files that was. The same sources give the same bytes.
import {readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const [packages, output] = process.argv.slice(2);
const esbuild = createRequire(join(packages, 'package.json'))('esbuild');

const read = new Set();

function bundle(entry) {
  const result = esbuild.buildSync({
    absWorkingDir: here,
    entryPoints: [entry],
    nodePaths: [join(packages, 'node_modules')],
    bundle: true,
    minify: true,
    format: 'iife',
    target: ['chrome100', 'firefox100', 'safari15.4'],
    charset: 'utf8',
    legalComments: 'none',
    banner: {js: licence(), css: licence()},
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  for (const file of Object.keys(result.metafile.inputs)) read.add(resolve(here, file));
  return result.outputFiles[0].text;
}

function licence() {
  return `/*! with uPlot:\n${readFileSync(join(packages, 'node_modules/uplot/LICENSE'), 'utf8').trim()}\n*/`;
}

function literal(text) {
  const end = 'pulsed_web';
  if (text.includes(`)${end}"`) || text.includes('\0')) throw new Error('cannot stand in a raw string');
  return `R"${end}(${text})${end}"sv`;
}

function source(name) {
  read.add(join(here, name));
  return readFileSync(join(here, name), 'utf8');
}

const assets = [
  ['/', 'text/html; charset=utf-8', source('page.html')],
  ['/page.js', 'text/javascript; charset=utf-8', bundle('src/page.ts')],
  ['/page.css', 'text/css; charset=utf-8', bundle('page.css')],
  ['/favicon.svg', 'image/svg+xml', source('favicon.svg')],
];

writeFileSync(output, `// Made by dashboards/web/build.mjs.
#include "dashboards/web/web_assets.h"

namespace pulsed::web {
namespace {

using namespace std::string_view_literals;

constexpr Asset kAssets[] = {
${assets.map(([path, type, body]) => `    {"${path}"sv, "${type}"sv, ${literal(body)}},\n`).join('')}};

}  // namespace

std::span<const Asset> assets() { return kAssets; }

}  // namespace pulsed::web
`);
writeFileSync(`${output}.d`, `${output}: ${[...read].map((file) => file.replaceAll(' ', '\\ ')).join(' ')}\n`);
