/**
 * The last step of a build: makes what a module of dist/ imports from other modules of dist/ constants of its own.
 *
 *     import { A } from './a.js';      becomes      const A = $A; import { A as $A } from './a.js';
 *     export const B = 1;              becomes      const B = 1;  …  const $B = B; export { $B as B };
 *
 * V8 reads an imported or exported binding from memory at every use, since it might change, and checks its type; a constant of
 * the module itself it folds into the compiled code, with the address of a table, the body of a function, the number of a field.
 * A call costs a tenth less JavaScript for it.
 *
 * What changes nothing else: only names are taken that can never change (const, function, class), and only from modules that are
 * sure to have been evaluated before, because they do not import their importer in turn. Lines stay where they are. A second pass
 * over the same files changes nothing.
 *
 *     node scripts/local-bindings.mjs FOLDER
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** In front of the names that stand between the modules. */
const PREFIX = '$';

/** Works on all modules below `folder`. Throws an Error when files of an earlier pass no longer fit the others. */
export function bindLocally(folder) {
  const modules = new Map();
  for (const name of readdirSync(folder, { recursive: true })) {
    if (!name.endsWith('.js')) continue;
    const path = resolve(folder, name);
    modules.set(path, readModule(path));
  }
  for (const module of modules.values()) module.links = module.links.filter((link) => modules.has(link));
  for (const module of modules.values()) {
    const text = rewrite(module, modules);
    if (text !== module.text) writeFileSync(module.path, text);
  }
}

/** What one module declares, imports and exports. `fixed`: names of its own that never change. */
function readModule(path) {
  const text = readFileSync(path, 'utf8');
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const module = { path, text, source, links: [], imports: [], fixed: new Set(), exports: new Map(), stars: [], constants: [] };
  for (const statement of source.statements) {
    const from = linkOf(statement, path);
    if (from !== undefined) module.links.push(from);
    const isExported = ts.canHaveModifiers(statement) && (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (ts.isImportDeclaration(statement)) {
      const bindings = statement.importClause?.namedBindings;
      if (from === undefined || bindings === undefined || !ts.isNamedImports(bindings)) continue;
      for (const element of bindings.elements) module.imports.push({ element, from, name: (element.propertyName ?? element.name).text, local: element.name.text });
    } else if (ts.isExportDeclaration(statement)) {
      if (statement.exportClause === undefined) module.stars.push(from);
      else if (ts.isNamedExports(statement.exportClause)) {
        for (const { name, propertyName } of statement.exportClause.elements) module.exports.set(name.text, { from, name: (propertyName ?? name).text });
      }
    } else if (ts.isVariableStatement(statement)) {
      if ((statement.declarationList.flags & ts.NodeFlags.Const) === 0) continue;
      const { declarations } = statement.declarationList;
      for (const { name } of declarations) {
        if (!ts.isIdentifier(name)) continue;
        module.fixed.add(name.text);
        if (isExported) module.exports.set(name.text, { from: undefined, name: name.text });
      }
      if (isExported && declarations.length === 1 && ts.isIdentifier(declarations[0].name)) module.constants.push({ statement, name: declarations[0].name.text });
    } else if ((ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) && statement.name !== undefined) {
      module.fixed.add(statement.name.text);
      if (isExported) module.exports.set(statement.name.text, { from: undefined, name: statement.name.text });
    }
  }
  return module;
}

/** The module of the build that a statement imports or exports from. */
function linkOf(statement, path) {
  if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return undefined;
  const specifier = statement.moduleSpecifier?.text;
  return specifier?.startsWith('.') === true ? join(dirname(path), specifier) : undefined;
}

/** Whether what `module` exports as `name` never changes. */
function isFixed(module, name, modules) {
  if (module === undefined) return false;
  const found = module.exports.get(name);
  if (found === undefined) return module.stars.some((from) => isFixed(modules.get(from), name, modules));
  if (found.from !== undefined) return isFixed(modules.get(found.from), found.name, modules);
  const imported = module.imports.find(({ local }) => local === found.name);
  return imported === undefined ? module.fixed.has(found.name) : isFixed(modules.get(imported.from), imported.name, modules);
}

/** All modules that `module` needs to be evaluated before it, as far as they are of this build. */
function needs(module, modules) {
  if (module.needs !== undefined) return module.needs;
  const all = new Set();
  const open = [...module.links];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (all.has(path)) continue;
    all.add(path);
    open.push(...modules.get(path).links);
  }
  module.needs = all;
  return all;
}

function rewrite(module, modules) {
  const { path, source, text } = module;
  const isBefore = (from) => modules.has(from) && !needs(modules.get(from), modules).has(path);
  const edits = [];
  const locals = [];
  for (const { element, from, name, local } of module.imports) {
    const mayBind = isBefore(from) && isFixed(modules.get(from), name, modules);
    if (local.startsWith(PREFIX)) {
      if (!mayBind) throw new Error(`${path} was built when ${name} of ${from} was a constant: remove the folder and build again`);
      continue;
    }
    // A name that the module exports in turn would be read from memory all the same.
    if (!mayBind || [...module.exports.values()].some((one) => one.from === undefined && one.name === local)) continue;
    edits.push({ at: element.getStart(source), end: element.end, text: `${name} as ${PREFIX}${local}` });
    locals.push(local);
  }
  // Imports are there before the first statement, wherever they stand.
  const first = source.statements[0]?.getStart(source) ?? 0;
  if (locals.length > 0) edits.push({ at: first, end: first, text: `const ${locals.map((local) => `${local} = ${PREFIX}${local}`).join(', ')}; ` });
  // In a cycle somebody might want the constant before this module has come to its end.
  const mayMove = !needs(module, modules).has(path);
  const moved = mayMove ? module.constants : [];
  for (const { statement } of moved) {
    const at = statement.getStart(source);
    edits.push({ at, end: at + 'export '.length, text: '' });
  }
  if (moved.length > 0) {
    const end = source.statements.at(-1).end;
    const constants = moved.map(({ name }) => `${PREFIX}${name} = ${name}`).join(', ');
    const exports = moved.map(({ name }) => `${PREFIX}${name} as ${name}`).join(', ');
    edits.push({ at: end, end, text: ` const ${constants}; export { ${exports} };` });
  }
  let rest = text;
  for (const edit of edits.sort((a, b) => b.at - a.at)) rest = rest.slice(0, edit.at) + edit.text + rest.slice(edit.end);
  return rest;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [, , folder, ...others] = process.argv;
  if (folder === undefined || others.length > 0) {
    console.error('usage: node scripts/local-bindings.mjs FOLDER');
    process.exit(2);
  }
  bindLocally(folder);
}
