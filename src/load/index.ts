/**
 * `viaduct/load`: what a scenario file of `viaduct load` imports, and the types of the result that `--json` writes. See
 * `Scenario` for what a scenario can say, `LoadResult` for what a result has.
 */
export { defineScenario } from './scenario/scenario.js';
export type {
  CalleeStep, CallerStep, ChallengeStep, MessageParts, PauseStep, ReceiveStep, ReplyStep, Scenario, ScenarioMethod, ScenarioTime, SendStep,
} from './scenario/scenario.js';
export { RESULT_FORMAT } from './report/result.js';
export type {
  FindMaxResult, FindMaxStep, LoadResult, Machine, ResultOptions, SeriesRow, ThresholdOutcome, TimeFigures, WatchedProcess, WatchedThread,
} from './report/result.js';
