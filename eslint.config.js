/**
 * Lint rules. Beyond the usual ones, they keep the core sans-I/O: what the simulator drives on virtual time may not
 * reach for a clock, a random source, a socket or a timer of its own. `test/unit/house/purity.test.ts` proves each.
 */
import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The sans-I/O core. */
const PURE_FILES = [
  'src/{sip,transaction,timer,proxy,sim,script,auth,location}/**/*.ts',
  'src/telemetry/counters.ts',
  'src/main/shard-router.ts',
];

/** Files beside the core that load and check scripts: they read files, run the compiler and evaluate its output. */
const SCRIPT_LOADING_FILES = ['load', 'check', 'check-worker', 'bundle', 'instantiate', 'installation', 'source-position'].map(
  (name) => `src/script/${name}.ts`,
);

const TIME = 'The core reads no clock: time comes in through advance(nowMs).';
const TIMER = 'The core sets no timers of its own: arm one in the timer wheel (src/timer).';
const LATER = 'The core schedules nothing: it mutates, and its driver drains the outbox.';
const RANDOM = 'The core has no random source: derive the value from the keyed hash, or take it as an option.';
const BYTES = 'The core uses Uint8Array with TextEncoder and TextDecoder: nothing of Node.';
const LOG = 'The core logs through the EngineLog that it is given.';
const ENVIRONMENT = 'The core has no environment: settings come in through EngineOptions.';
const NETWORK = 'The core opens no connection: what it wants sent goes into the Outbox.';

const FORBIDDEN_GLOBALS = {
  Date: TIME,
  performance: TIME,
  setTimeout: TIMER,
  setInterval: TIMER,
  clearTimeout: TIMER,
  clearInterval: TIMER,
  setImmediate: LATER,
  clearImmediate: LATER,
  queueMicrotask: LATER,
  crypto: RANDOM,
  Buffer: BYTES,
  console: LOG,
  process: ENVIRONMENT,
  fetch: NETWORK,
  WebSocket: NETWORK,
  require: 'The core is ES modules.',
};

const purity = {
  name: 'viaduct/purity',
  files: PURE_FILES,
  ignores: SCRIPT_LOADING_FILES,
  rules: {
    'no-restricted-globals': [
      'error',
      {
        globals: Object.entries(FORBIDDEN_GLOBALS).map(([name, message]) => ({ name, message })),
        checkGlobalObject: true,
      },
    ],
    'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: RANDOM }],
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          { regex: '^[^.]', message: 'The core imports nothing but itself: what it needs is handed in through its ports (src/proxy/ports.ts).' },
          {
            regex: '/(net|shard|cli|control|config|load|auth-node)/|/main/(?!shard-router\\.js$)|/telemetry/(?!counters\\.js$)|/(load|check|check-worker|bundle|instantiate|installation|source-position)\\.js$',
            message: 'This module does I/O: the core is handed what it needs through its ports (src/proxy/ports.ts).',
          },
        ],
      },
    ],
    'no-restricted-syntax': [
      'error',
      { selector: 'ImportExpression', message: 'The core loads nothing while it runs: import at the top.' },
      {
        selector: "MemberExpression[object.name='AbortSignal'][property.name='timeout']",
        message: TIMER,
      },
    ],
  },
};

export default defineConfig(
  { ignores: ['node_modules/', 'dist/', 'dist.*.tmp/', 'coverage/', 'bench/out/', 'docs/'] },
  js.configs.recommended,
  {
    name: 'viaduct/typescript',
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
      // An interface may promise what an implementation needs no await for.
      '@typescript-eslint/require-await': 'off',
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-else-return': 'error',
      'no-param-reassign': 'off',
    },
  },
  {
    name: 'viaduct/tests',
    files: ['test/**/*.ts'],
    // Tests hand methods to `expect` and check how they were called.
    rules: { '@typescript-eslint/unbound-method': 'off' },
  },
  {
    name: 'viaduct/plain-javascript',
    files: ['**/*.{js,mjs}'],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'setTimeout', 'clearTimeout', 'URL', 'Buffer', 'performance', 'AbortSignal', 'fetch'].map((name) => [name, 'readonly']),
      ),
    },
  },
  purity,
);
