/**
 * From the names of scenarios to scenarios: built-in ones, the mix, and files of the user, which are bundled and evaluated
 * like routing scripts. Runs at start, in the coordinator (to find mistakes early) and in each load thread.
 */
import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { compileScript } from '../../script/load.js';
import { evaluateScript } from '../../script/instantiate.js';
import { loadProblem, ScriptLoadError } from '../../script/load-error.js';
import type { ScenarioShare } from '../options.js';
import { BUILT_IN_SCENARIOS, DEFAULT_MIX } from './built-in.js';
import type { WeightedScenario } from './compile.js';
import type { Scenario } from './scenario.js';
import { scenarioProblem } from './validate.js';

/** The words of the script loader, for scenarios. */
const SCENARIO_FILE = { noun: 'scenario file', ending: 'export default defineScenario({ … })' };

/**
 * The scenario called `name`: a built-in one, or the absolute path of a scenario file. Throws `ScriptLoadError`, whose
 * message is a line for each problem, with its place.
 */
export async function loadScenario(name: string): Promise<Scenario> {
  const builtIn = BUILT_IN_SCENARIOS.find((scenario) => scenario.name === name);
  if (builtIn !== undefined) return builtIn;
  if (!isAbsolute(name)) {
    const names = BUILT_IN_SCENARIOS.map((scenario) => scenario.name).join(', ');
    throw new ScriptLoadError([loadProblem(name, `there is no such scenario; the names are ${names} and mix, else it is the path of a file`)]);
  }
  const compiled = await compileScript(name, SCENARIO_FILE);
  const value = await evaluateScript(compiled);
  const problem = scenarioProblem(value);
  if (problem !== undefined) {
    const { line, column } = await exportPlace(name);
    throw new ScriptLoadError([loadProblem(name, problem, line, column)]);
  }
  return value as Scenario;
}

/** Loads every scenario of a run, `mix` in its parts. At least one; each file is loaded once. */
export async function loadScenarios(shares: readonly ScenarioShare[]): Promise<WeightedScenario[]> {
  const flat = shares.flatMap(({ scenario, weight }) =>
    scenario === 'mix' ? DEFAULT_MIX.map((part) => ({ scenario: part.scenario, weight: (part.weight * weight) / 100 })) : [{ scenario, weight }],
  );
  const loaded: WeightedScenario[] = [];
  for (const { scenario, weight } of flat) loaded.push({ scenario: await loadScenario(scenario), weight });
  return loaded;
}

/** Where `export default` stands; 0 when it does not at the start of a line. */
async function exportPlace(file: string): Promise<{ line: number; column: number }> {
  const text = await readFile(file, 'utf8');
  const at = text.search(/^[ \t]*export\s+default\b/m);
  if (at < 0) return { line: 0, column: 0 };
  return { line: text.slice(0, at).split('\n').length, column: 1 };
}
