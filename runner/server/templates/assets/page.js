'use strict';
// What the pages do beyond being read: they stay up to date, act through the
// API, and let commands be copied. Without this script they still say it all.
(() => {
  const root = document.documentElement;
  root.classList.add('scripted');

  // Times: written as the server writes them, from the server's clock.
  const offset = Date.parse(document.body.dataset.now) - Date.now();

  function rough(seconds) {
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
    return `${Math.floor(seconds / 86400)} days`;
  }

  function relative(at) {
    const ahead = (at - Date.now() - offset) / 1000;
    if (ahead >= 1) return `in ${rough(Math.floor(ahead))}`;
    if (ahead <= -1) return `${rough(Math.floor(-ahead))} ago`;
    return 'now';
  }

  function tellTimes() {
    for (const time of document.querySelectorAll('time[data-relative]')) {
      const text = relative(Date.parse(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
  }

  // A page is brought up to date by changing what differs, so that focus,
  // selection, scroll positions and what was opened or typed stay.
  const keyOf = (node) => node.nodeType === 1 ? node.dataset.key || node.id || '' : '';
  // What the page itself has set: the server knows nothing of it.
  const OWN = ['open', 'aria-disabled'];
  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName;

  function bringUp(have, want) {
    if (have.nodeType !== 1) {
      if (have.data !== want.data) have.data = want.data;
      return;
    }
    if ('keep' in have.dataset) return;
    for (const { name } of [...have.attributes]) {
      if (!want.hasAttribute(name) && !OWN.includes(name)) have.removeAttribute(name);
    }
    for (const { name, value } of want.attributes) {
      if (!OWN.includes(name) && have.getAttribute(name) !== value) have.setAttribute(name, value);
    }
    bringUpChildren(have, want);
  }

  function bringUpChildren(have, want) {
    const keyed = new Map();
    for (const child of have.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
    const wanted = new Set([...want.childNodes].map(keyOf));
    let next = have.firstChild;
    for (const child of [...want.childNodes]) {
      // What is not wanted any more makes way, so that what follows it need not move.
      while (next && keyOf(next) && !wanted.has(keyOf(next))) {
        const gone = next;
        next = next.nextSibling;
        gone.remove();
      }
      const key = keyOf(child);
      const same = key ? keyed.get(key) : next && !keyOf(next) ? next : null;
      if (same && alike(same, child)) {
        if (same === next) next = next.nextSibling;
        else have.insertBefore(same, next);
        bringUp(same, child);
      } else {
        have.insertBefore(document.importNode(child, true), next);
      }
    }
    while (next) {
      const gone = next;
      next = next.nextSibling;
      gone.remove();
    }
  }

  async function refresh() {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store' });
    if (!(answer.headers.get('content-type') || '').startsWith('text/html')) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    // Another version of the program serves the page: its style and script are needed too.
    if (page.querySelector('script').src !== document.querySelector('script').src) {
      location.reload();
      return;
    }
    const active = document.activeElement;
    document.title = page.title;
    bringUp(document.getElementById('main'), page.getElementById('main'));
    if (active && active !== document.activeElement && active.isConnected) active.focus({ preventScroll: true });
    tellTimes();
  }

  // Changes: one request at a time, no more than a few a second, none missed.
  const PAUSE = 250;
  let wanted = false;
  let under = false;

  async function changed() {
    wanted = true;
    if (under) return;
    under = true;
    while (wanted) {
      wanted = false;
      try {
        await refresh();
      } catch {
        // The connection says so; when it is back it asks for a refresh.
      }
      await new Promise((done) => setTimeout(done, PAUSE));
    }
    under = false;
  }

  const connection = document.getElementById('connection');
  let source = null;

  function say(text) {
    if (connection.textContent !== text) connection.textContent = text;
  }

  function connect() {
    if (source || document.hidden) return;
    source = new EventSource('/api/v1/changes');
    source.addEventListener('open', () => say('live'));
    for (const kind of ['message', 'change', 'changed']) source.addEventListener(kind, changed);
    source.addEventListener('error', () => {
      say('not connected: trying again');
      if (source && source.readyState === EventSource.CLOSED) {
        source = null;
        setTimeout(connect, 2000);
      }
    });
  }

  // A browser has few connections to one address, so a page that nobody sees gives its own back.
  function look() {
    if (document.hidden) {
      if (source) source.close();
      source = null;
    } else {
      connect();
    }
  }

  // Forms that act: JSON to the API, and the answer told beside the button.
  function tell(output, text, bad) {
    output.textContent = text;
    output.classList.toggle('bad', Boolean(bad));
  }

  function element(name, text, attributes = {}) {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    return made;
  }

  function block(label, text) {
    return element('pre', text, { tabindex: '0', role: 'region', 'aria-label': label });
  }

  function showRun(form, output, run) {
    output.replaceChildren();
    output.classList.remove('bad');
    const good = run.status === 'succeeded';
    const line = element('p', '');
    const tone = good ? 'good' : ['queued', 'running', 'retrying'].includes(run.status) ? 'busy' : 'bad';
    line.append(element('span', run.status, { class: `state ${tone}` }), ' ');
    line.append(element('a', `run ${run.run}`, { href: form.dataset.run + encodeURIComponent(run.run) }));
    if (run.duration_ms !== undefined) line.append(`, ${run.duration_ms} ms`);
    output.append(line);
    if (run.output !== undefined && run.output !== null) output.append(block('Output', JSON.stringify(run.output, null, 2)));
    if (run.error) output.append(block('Error', run.error.message));
  }

  function showRuns(form, output, runs) {
    output.replaceChildren();
    output.classList.remove('bad');
    const line = element('p', runs.length ? 'Started ' : 'Accepted; nothing that is on listens to it.');
    for (const [index, run] of runs.entries()) {
      const id = run.run ?? run;
      if (index) line.append(', ');
      line.append(element('a', `run ${id}`, { href: form.dataset.run + encodeURIComponent(id) }));
    }
    output.append(line);
  }

  function problem(answer, text) {
    try {
      const told = JSON.parse(text);
      const lines = [told.detail || told.title || answer.statusText];
      for (const hint of told.hints || (told.hint ? [told.hint] : [])) lines.push(hint);
      return lines.join('\n');
    } catch {
      return `${answer.status} ${answer.statusText}`;
    }
  }

  function bodyOf(form, output) {
    const field = form.querySelector('textarea');
    if (!field) return form.dataset.body || '{}';
    try {
      const written = JSON.parse(field.value);
      field.removeAttribute('aria-invalid');
      return JSON.stringify(form.dataset.json ? { [form.dataset.json]: written } : written);
    } catch (error) {
      field.setAttribute('aria-invalid', 'true');
      field.focus();
      output.replaceChildren(block('Error', `This is not JSON: ${error.message}`));
      return null;
    }
  }

  async function act(form) {
    const button = form.querySelector('button');
    const output = form.querySelector('output');
    if (button.getAttribute('aria-disabled') === 'true') return;
    const body = bodyOf(form, output);
    if (body === null) return;
    button.setAttribute('aria-disabled', 'true');
    if (!('run' in form.dataset)) tell(output, 'working…');
    try {
      const answer = await fetch(form.dataset.path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body,
      });
      const text = await answer.text();
      if (!answer.ok) {
        const why = problem(answer, text);
        if ('run' in form.dataset) output.replaceChildren(block('Error', why));
        else tell(output, why, true);
        return;
      }
      await told(form, output, text ? JSON.parse(text) : {});
    } catch (error) {
      tell(output, `The server did not answer: ${error.message}`, true);
    } finally {
      button.removeAttribute('aria-disabled');
    }
  }

  async function told(form, output, answer) {
    if ('run' in form.dataset) {
      if (answer.run !== undefined) showRun(form, output, answer);
      else showRuns(form, output, answer.runs || answer.items || []);
    } else if (form.dataset.go) {
      const named = { ...answer, run: answer.run ?? answer.runs?.[0] };
      location.assign(form.dataset.go.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(named[name])));
    } else {
      tell(output, 'done');
    }
    await changed();
  }

  document.addEventListener('submit', (event) => {
    if (!event.target.dataset.path) return;
    event.preventDefault();
    act(event.target);
  });

  document.addEventListener('keydown', (event) => {
    const form = event.target.form;
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && form && form.dataset.path) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  document.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-copy]');
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Not copied';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });

  document.addEventListener('visibilitychange', look);
  setInterval(tellTimes, 1000);
  tellTimes();
  look();
})();
