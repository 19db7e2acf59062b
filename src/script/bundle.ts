/**
 * How esbuild reads a routing script. The operator's own files are bundled into one text; everything else stays
 * outside and is imported by an absolute URL, so that the text can be evaluated anywhere:
 *
 * - `viaduct`, and `viaduct/load` for scenario files, are this installation, wherever the script lies;
 * - modules of Node stay modules of Node;
 * - a package is found from the importing file's folder upwards, as Node does, and stays external: Node then loads it
 *   by its own rules, which is the only way that CommonJS, native code and `__dirname` inside packages always work.
 *   A package that Node cannot load itself (TypeScript of a linked workspace, JSON) is bundled instead.
 */
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { PUBLIC_LOAD_FILE, PUBLIC_MODULE_FILE } from './installation.js';

/** Marks our own question to esbuild's resolver, so that it does not come back to us. */
const ASKED_BY_US = Symbol('asked by the script loader');

/** Files of packages that Node can load. */
const NODE_LOADS = new Set(['.js', '.mjs', '.cjs']);

/**
 * Replacements that make a bundled file see its own place, not that of the bundle. Each file that mentions one gets
 * the constants on its first line, see `loadWithPlace`.
 */
export const PLACE_DEFINES: Record<string, string> = {
  'import.meta.url': '__viaductUrl',
  'import.meta.filename': '__viaductFile',
  'import.meta.dirname': '__viaductDir',
  __filename: '__viaductFile',
  __dirname: '__viaductDir',
};
const MENTIONS_PLACE = /import\.meta\.|__filename|__dirname/;

export const scriptPlugin: Plugin = {
  name: 'viaduct-script',
  setup(build) {
    build.onResolve({ filter: /.*/ }, (args) => resolveImport(build, args));
    build.onLoad({ filter: /\.[cm]?[jt]s$/, namespace: 'file' }, (args) => loadWithPlace(args.path));
  },
};

async function resolveImport(build: PluginBuild, args: OnResolveArgs): Promise<OnResolveResult | undefined> {
  const { path, kind } = args;
  if (kind === 'entry-point' || args.pluginData === ASKED_BY_US) return undefined;
  if (path === 'viaduct') return external(PUBLIC_MODULE_FILE, kind);
  if (path === 'viaduct/load') return external(PUBLIC_LOAD_FILE, kind);
  if (path.startsWith('viaduct/')) {
    return { errors: [{ text: `"${path}" cannot be imported: everything a script needs comes from "viaduct"` }] };
  }
  if (isBuiltin(path)) return { path, external: true };
  if (path.startsWith('node:')) return { errors: [{ text: `Node ${process.versions.node} has no module "${path}"` }] };
  if (/^https?:/.test(path)) return { errors: [{ text: `"${path}" cannot be imported: modules are not loaded from the network` }] };

  const wanted = path.startsWith('file:') ? fileURLToPath(path) : path;
  const found = await build.resolve(wanted, {
    kind,
    importer: args.importer,
    namespace: args.namespace,
    resolveDir: args.resolveDir,
    pluginData: ASKED_BY_US,
    with: args.with,
  });
  const isPackage = !/^\.{0,2}\/|^\.{1,2}$|^[A-Za-z]:|^#/.test(wanted);
  if (found.errors.length > 0) {
    const text = isPackage
      ? `cannot find the package "${path}" in a node_modules folder at or above ${args.resolveDir}: install it beside the script`
      : `cannot find "${path}" (looked in ${args.resolveDir})`;
    return { errors: [{ text }] };
  }
  if (isPackage && found.namespace === 'file' && NODE_LOADS.has(extname(found.path)) && /[\\/]node_modules[\\/]/.test(found.path)) {
    return external(found.path, kind);
  }
  return {
    path: found.path,
    external: found.external,
    namespace: found.namespace,
    sideEffects: found.sideEffects,
    suffix: found.suffix,
  };
}

/** `require` takes a path where `import` takes a URL. */
function external(file: string, kind: string): OnResolveResult {
  return { path: kind.startsWith('require') ? file : pathToFileURL(file).href, external: true };
}

/** Reads a file of the script; one that asks for its own place gets it as constants, without a new line. */
async function loadWithPlace(file: string) {
  const text = await readFile(file, 'utf8');
  const loader = /\.[cm]?ts$/.test(file) ? ('ts' as const) : ('js' as const);
  if (!MENTIONS_PLACE.test(text)) return { contents: text, loader };
  const url = JSON.stringify(pathToFileURL(file).href);
  const place = `const __viaductUrl = ${url}, __viaductFile = ${JSON.stringify(file)}, __viaductDir = ${JSON.stringify(dirname(file))}; `;
  return { contents: place + text, loader };
}

/** First lines of the bundle: a real `require` for CommonJS files among the operator's own. */
export function bundleBanner(file: string): string {
  const from = JSON.stringify(pathToFileURL(file).href);
  return `import { createRequire as __viaductCreateRequire } from 'node:module'; const require = __viaductCreateRequire(${from});`;
}
