/**
 * Where bytes are allocated: V8's sampling heap profiler, told to count what has been collected since as well, and to sample so
 * finely that little is left to chance. It names functions; a function that was inlined into another counts as that one.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Session, type HeapProfiler } from 'node:inspector/promises';
import { SourceMap } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Mean distance of two samples, bytes. */
const SAMPLING_INTERVAL_BYTES = 256;

/** One function that allocates. */
export interface AllocationSite {
  readonly name: string;
  /** `src/script/request-context.ts:71`, or what V8 calls it. */
  readonly place: string;
  readonly bytes: number;
}

/** Runs `run` and says which functions allocated, most first. The bytes are estimates of the profiler. */
export async function allocationSites(run: () => void, root: string): Promise<AllocationSite[]> {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.enable');
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: SAMPLING_INTERVAL_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  run();
  const { profile } = await session.post('HeapProfiler.stopSampling');
  session.disconnect();
  return sitesIn(profile, root);
}

/** The same from a profile that another process has left as JSON. */
export function sitesOf(json: string, root: string): AllocationSite[] {
  return sitesIn(JSON.parse(json) as HeapProfiler.SamplingHeapProfile, root);
}

function sitesIn(profile: HeapProfiler.SamplingHeapProfile, root: string): AllocationSite[] {
  const sites = new Map<string, { name: string; place: string; bytes: number }>();
  const places = new SourcePlaces(root);
  const walk = (node: HeapProfiler.SamplingHeapProfileNode): void => {
    if (node.selfSize > 0) {
      const name = node.callFrame.functionName === '' ? '(anonymous)' : node.callFrame.functionName;
      const place = places.of(node.callFrame);
      const key = `${name} ${place}`;
      const site = sites.get(key);
      if (site === undefined) sites.set(key, { name, place, bytes: node.selfSize });
      else site.bytes += node.selfSize;
    }
    node.children.forEach(walk);
  };
  walk(profile.head);
  return [...sites.values()].sort((a, b) => b.bytes - a.bytes);
}

/** Places in the sources, from places in the bundle that runs. */
class SourcePlaces {
  readonly #root: string;
  readonly #maps = new Map<string, SourceMap | undefined>();

  constructor(root: string) {
    this.#root = root;
  }

  of({ url, lineNumber, columnNumber }: { url: string; lineNumber: number; columnNumber: number }): string {
    if (!url.startsWith('file:')) return url === '' ? '(V8)' : url;
    const entry = this.#mapOf(url)?.findEntry(lineNumber, columnNumber);
    if (entry === undefined || !('originalSource' in entry)) return `${this.#nameOf(fileURLToPath(url))}:${lineNumber + 1}`;
    return `${this.#nameOf(fileURLToPath(new URL(entry.originalSource, url)))}:${entry.originalLine + 1}`;
  }

  /** The path in this package; of a file elsewhere, such as a routing script, its name alone. */
  #nameOf(file: string): string {
    const path = relative(this.#root, file);
    return path.startsWith('..') ? basename(file) : path;
  }

  #mapOf(url: string): SourceMap | undefined {
    if (!this.#maps.has(url)) this.#maps.set(url, sourceMapOf(fileURLToPath(url)));
    return this.#maps.get(url);
  }
}

/** The source map at the end of a module: inline as esbuild puts it, or in a file beside it as tsc does. */
function sourceMapOf(file: string): SourceMap | undefined {
  // A routing script is bundled into a file that is gone once it has been read.
  if (!existsSync(file)) return undefined;
  const code = readFileSync(file, 'utf8');
  const url = /^\/\/# sourceMappingURL=(.+)$/m.exec(code.slice(code.lastIndexOf('//# sourceMappingURL=')))?.[1];
  if (url === undefined) return undefined;
  const inline = /^data:application\/json;base64,(.*)$/.exec(url)?.[1];
  const json = inline === undefined ? readFileSync(join(dirname(file), url), 'utf8') : Buffer.from(inline, 'base64').toString('utf8');
  return new SourceMap(JSON.parse(json) as ConstructorParameters<typeof SourceMap>[0]);
}
