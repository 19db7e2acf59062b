/**
 * The HTML report of the load generator in a browser: opened from a file, it draws its charts and asks the network for
 * nothing. Chromium is given a proxy that writes down every request; that a request would be seen is shown by a page that
 * makes one.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { htmlReport } from '../../src/load/view/html.js';
import { sampleResult } from '../unit/load/sample-result.js';
import { readPicture } from './picture.js';
import { ProcessGroup } from './process-group.js';
import { requireChromium } from './require-peers.js';

const chromium = requireChromium('HTML report');

/** Where the browser goes on errands of its own, whatever flags it is given: updates, the time, accounts. */
const ERRANDS = /^\w+ (?:https?:\/\/)?(?:(?:update|optimizationguide-pa|content-autofill|safebrowsing)\.googleapis\.com|clients\d?\.google\.com|accounts\.google\.com|www\.google\.com|[\w.-]+\.gvt1\.com)[:/]/;

/** Every request that reached the proxy, `METHOD URL`. */
interface Proxy {
  readonly server: Server;
  readonly requests: string[];
}

async function startProxy(): Promise<Proxy> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${String(request.method)} ${String(request.url)}`);
    response.writeHead(502).end();
  });
  server.on('connect', (request, socket) => {
    requests.push(`CONNECT ${String(request.url)}`);
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, requests };
}

describe.skipIf(chromium === undefined)('the HTML report in Chromium', () => {
  let group: ProcessGroup;
  const proxies: Proxy[] = [];
  beforeAll(() => {
    group = new ProcessGroup('load-report');
  });
  afterAll(async () => {
    await group.dispose();
    for (const { server } of proxies) {
      server.closeAllConnections();
      server.close();
    }
  });

  /** Opens a page; resolves to its document after its scripts have run, its picture, and what it asked the network for. */
  async function open(name: string, page: string): Promise<{ dom: string; screenshot: string; requests: readonly string[] }> {
    const folder = group.newFolder(name);
    const file = join(folder, 'report.html');
    const screenshot = join(folder, 'report.png');
    writeFileSync(file, page);
    const proxy = await startProxy();
    proxies.push(proxy);
    const child = group.start(
      chromium!,
      [
        '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--no-first-run', `--user-data-dir=${join(folder, 'profile')}`, '--window-size=1200,2400',
        '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps', '--disable-extensions', '--disable-features=NetworkTimeServiceQuerying,OptimizationHints',
        `--proxy-server=http://127.0.0.1:${(proxy.server.address() as AddressInfo).port}`, '--proxy-bypass-list=<-loopback>',
        '--dump-dom', `--screenshot=${screenshot}`, pathToFileURL(file).href,
      ],
      { cwd: folder, env: { ...process.env, HOME: folder } },
    );
    const { code } = await child.exited;
    // The dump of the document is between Chromium's complaints about what this machine has not.
    const output = Buffer.from(child.output(), 'latin1').toString('utf8');
    if (code !== 0) throw new Error(`chromium ended with ${String(code)}:\n${output.slice(-2000)}`);
    return { dom: output, screenshot, requests: proxy.requests.filter((request) => !ERRANDS.test(request)) };
  }

  it('draws every chart, shows values under the pointer, and fetches nothing', async () => {
    const page = htmlReport(sampleResult());
    const pointer = `<script>const svg = document.querySelector('svg[data-chart=rate]'), box = svg.getBoundingClientRect();
      svg.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + box.width / 2, clientY: box.top + 50 }));</script>`;
    const curious = page.replace(/<meta http-equiv[^>]*>/, '').replace('</body>', `<img src="http://example.invalid/x.png">${pointer}</body>`);
    const [report, control] = await Promise.all([open('report', page), open('control', curious)]);

    expect(report.requests).toEqual([]);
    expect(control.requests).toContain('GET http://example.invalid/x.png');

    const charts = [...report.dom.matchAll(/<svg viewBox[^>]*data-chart="([\w-]+)"[^]*?<\/svg>/g)];
    expect(charts.map(([, name]) => name)).toEqual(['rate', 'latency', 'in-flight', 'failures', 'cpu', 'distribution']);
    for (const [svg, name] of charts) {
      const paths = [...svg.matchAll(/<path[^>]* d="([^"]*)"/g)].map(([, data]) => data!);
      expect(paths.length, name).toBeGreaterThan(0);
      for (const data of paths) {
        expect(data.match(/[LVh]/g)?.length, name).toBeGreaterThan(10);
        expect(data.match(/[^-\d.MLVhz ]/), name).toBeNull();
      }
    }
    expect(control.dom).toMatch(/<div class="tip"[^>]*><b>01:3\d<\/b><span><span class="blue">reached<\/span><span>[\d,]+\/s<\/span><\/span>/);
    expect(report.dom).not.toContain('<div class="tip"');

    const { width, height, colors } = readPicture(readFileSync(report.screenshot));
    expect([width, height]).toEqual([1200, 2400]);
    // The lines of the charts are there in their colours, and so is the text.
    for (const color of ['#2563eb', '#0d8a80', '#7c3aed', '#d92d20', '#c2650a', '#1a1f29']) expect(colors.get(color) ?? 0, color).toBeGreaterThan(200);
    expect(colors.size).toBeGreaterThan(200);
  });
});
