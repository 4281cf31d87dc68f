'use strict';
/* Only a history of decisions is stored, newest last. The decision on a box
   is its last entry in the history; undo removes an entry. */
const SYMBOLS = {keep: '✓', drop: '✕', skip: '↷'};
const WORDS = {keep: 'kept', drop: 'dropped', skip: 'skipped'};
const STRIP_BEFORE = 3, STRIP_AFTER = 24;

const content = JSON.parse(find('content').textContent);
const boxes = content.boxes;
const onPage = new Map(boxes.map((box, i) => [box.id, i]));
const storageKey = 'mmboxcaseg-review-' + content.masks_sha256;
const images = new Map();
const layer = document.createElement('canvas');

let history = load();
let list = boxes.map((_, i) => i);  // positions in `boxes` that match
let at = 0;  // position in `list`
let showMask = true, showBox = true;

function find(id) {
  return document.getElementById(id);
}

function current() {
  return boxes[list[at]];
}

// ------------------------------------------------------------- decisions
function load() {
  try {
    const stored = JSON.parse(localStorage.getItem(storageKey));
    return Array.isArray(stored) ? stored : [];
  } catch (error) {
    return [];
  }
}

function save() {
  try {
    localStorage.setItem(storageKey, JSON.stringify(history));
    return '';
  } catch (error) {
    return ' This browser cannot store decisions: download them before you' +
      ' leave.';
  }
}

function decisions() {
  return new Map(history.filter(([id]) => onPage.has(id)));
}

function decide(decision) {
  const box = current();
  if (!box) return;
  history.push([box.id, decision]);
  const warning = save();
  const next = nextOpen();
  if (next >= 0) at = next;
  const what = `${SYMBOLS[decision]} ${WORDS[decision]}`;
  show((next < 0 ? 'Every mask in this list has a decision.' :
    `${what}: ${box.name} #${box.id}`) + warning);
}

/* The next box of the list without a decision, continuing at the start after
   the end; -1 if there is none. */
function nextOpen() {
  const decided = decisions();
  for (let step = 1; step <= list.length; step++) {
    const place = (at + step) % list.length;
    if (!decided.has(boxes[list[place]].id)) return place;
  }
  return -1;
}

function undo() {
  const last = history.findLastIndex(([id]) => onPage.has(id));
  if (last < 0) return show('Nothing to undo.');
  const [[id]] = history.splice(last, 1);
  const warning = save();
  if (!list.includes(onPage.get(id))) resetFilters();
  at = list.indexOf(onPage.get(id));
  show(`Undone: #${id}${warning}`);
}

function download() {
  const kept = [...decisions()].filter(([, what]) => what !== 'skip');
  const {proxy_file, masks_sha256} = content;
  const text = JSON.stringify(
    {proxy_file, masks_sha256, decisions: Object.fromEntries(kept)}, null, 1);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text + '\n']));
  link.download = content.out_file;
  link.click();
  // Not at once, because the browser reads the text after click() returns.
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// --------------------------------------------------------------- filters
function within(value, name) {
  const low = Number(find(name + '-min').value);
  const high = Number(find(name + '-max').value || 1);
  // An unknown value matches only if the range is [0, 1].
  if (value === null) return low <= 0 && high >= 1;
  return low <= value && value <= high;
}

function applyFilters() {
  const before = list[at], decided = decisions();
  const [name, size, state] =
    ['by-name', 'by-size', 'by-state'].map(id => find(id).value);
  list = boxes.map((_, i) => i).filter(i => {
    const box = boxes[i];
    return (!name || box.name === name) && (!size || box.size === size) &&
      (!state || (decided.get(box.id) || 'open') === state) &&
      within(box.score, 'score') && within(box.expected_iou, 'iou');
  });
  at = Math.max(list.indexOf(before), 0);
  show();
}

function resetFilters() {
  for (const field of find('filters').querySelectorAll('select, input')) {
    field.value = field.id.endsWith('-max') ? 1 :
      field.id.endsWith('-min') ? 0 : '';
  }
  applyFilters();
}

// --------------------------------------------------------------- display
function show(message = '') {
  const decided = decisions(), box = current();
  const state = box && decided.get(box.id);
  find('stage').className = state || '';
  find('state').textContent = !box ? 'no mask matches' :
    state ? `${SYMBOLS[state]} ${WORDS[state]}` : 'no decision yet';
  find('message').textContent = message;
  find('matches').textContent =
    `${list.length ? at + 1 : 0} of ${list.length}` +
    (list.length < boxes.length ? ` (of ${boxes.length})` : '');
  showProgress(decided);
  showFacts(box);
  showStrip(decided);
  for (const button of find('keys').children) {
    const {key} = button.dataset;
    if ('kds'.includes(key)) {
      button.setAttribute('aria-pressed', button.className === state);
    }
    if (key === 'm') button.setAttribute('aria-pressed', showMask);
    if (key === 'b') button.setAttribute('aria-pressed', showBox);
  }
  paint();
}

function showProgress(decided) {
  const counts = {keep: 0, drop: 0, skip: 0};
  for (const what of decided.values()) counts[what]++;
  for (const part of find('bar').children) {
    part.style.width = 100 * counts[part.className] / boxes.length + '%';
  }
  find('counts').textContent =
    `${counts.keep} kept · ${counts.drop} dropped · ${counts.skip} skipped` +
    ` · ${boxes.length - decided.size} of ${boxes.length} open`;
  const num = counts.keep + counts.drop;
  find('download').textContent =
    `Download ${num} decision${num === 1 ? '' : 's'}`;
  find('download').disabled = !num;
}

function showFacts(box) {
  find('name').textContent = box ? `${box.name} #${box.id}` : '–';
  const facts = box ? [
    ['score', box.score.toFixed(3)],
    ['expected IoU', box.expected_iou?.toFixed(3) ?? 'unknown'],
    ['box', `${box.bbox[0]} × ${box.bbox[1]} px, ${box.size}`],
    ['image', box.file_name], ['source', box.source]] : [];
  if (box && box.weight !== null) facts.push(['weight now', box.weight]);
  find('facts').replaceChildren(...facts.flatMap(([term, value]) => {
    const pair = [document.createElement('dt'), document.createElement('dd')];
    pair[0].textContent = term;
    pair[1].textContent = value;
    return pair;
  }));
}

/* Decode an image when it is first needed. */
function imageOf(i) {
  if (!images.has(i)) {
    const image = new Image();
    image.alt = '';
    image.onload = () => list[at] === i && paint();
    image.src = find('image-' + i).textContent;
    images.set(i, image);
  }
  return images.get(i);
}

function showStrip(decided) {
  const first = Math.max(at - STRIP_BEFORE, 0);
  const shown = list.slice(first, at + STRIP_AFTER);
  find('strip').replaceChildren(...shown.map((i, k) => {
    const button = document.createElement('button');
    const state = decided.get(boxes[i].id);
    button.className = state || '';
    button.tabIndex = -1;
    button.setAttribute('aria-current', first + k === at);
    button.setAttribute('aria-label', `${boxes[i].name} #${boxes[i].id}` +
      (state ? `, ${WORDS[state]}` : ''));
    const label = document.createElement('span');
    label.textContent = (state ? SYMBOLS[state] + ' ' : '') + boxes[i].name;
    button.append(imageOf(i), label);
    button.onclick = () => { at = first + k; show(); };
    return button;
  }));
  // Drop images that are not in the strip, to save memory.
  for (const i of images.keys()) if (!shown.includes(i)) images.delete(i);
}

// -------------------------------------------------------------- painting
/* The mask as a function of pixels, 0 outside; runs are column by column. */
function decodeMask({width, height, runs}) {
  const pixels = new Uint8Array(width * height);
  let end = 0, value = 0;
  for (const run of runs) {
    pixels.fill(value, end, end += run);
    value = 1 - value;
  }
  return (x, y) => x >= 0 && y >= 0 && x < width && y < height ?
    pixels[x * height + y] : 0;
}

/* Its outline along pixel edges, including holes. */
function outline({width, height}, mask) {
  const path = new Path2D();
  for (let x = 0; x <= width; x++) {
    for (let y = 0; y <= height; y++) {
      const value = mask(x, y);
      path.moveTo(x, y);
      if (value !== mask(x - 1, y)) path.lineTo(x, y + 1);
      path.moveTo(x, y);
      if (value !== mask(x, y - 1)) path.lineTo(x + 1, y);
    }
  }
  return path;
}

/* A transparent layer that darkens the pixels outside the mask. */
function shade({width, height}, mask) {
  Object.assign(layer, {width, height});
  const context = layer.getContext('2d');
  const data = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const inside = mask(i % width, Math.floor(i / width));
    data.data[4 * i + 3] = inside ? 0 : 90;
  }
  context.putImageData(data, 0, 0);
  return layer;
}

/* A bright line on a dark one, to be visible on any image; `unit` is the size
   of a screen pixel. */
function strokeTwice(context, path, colour, unit) {
  for (const [style, width] of [['#000000d0', 4.5], [colour, 2]]) {
    context.strokeStyle = style;
    context.lineWidth = width * unit;
    context.stroke(path);
  }
}

function paintBox(context, box, unit) {
  const path = new Path2D();
  path.rect(...box.box);
  context.setLineDash([6 * unit, 4 * unit]);
  strokeTwice(context, path, '#8fdcff', unit);
  context.setLineDash([]);
}

function paint() {
  const canvas = find('stage').querySelector('canvas'), box = current();
  const ratio = window.devicePixelRatio;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = canvas.clientHeight * ratio;
  canvas.setAttribute('aria-label', box ? `${box.name} #${box.id}` : '');
  if (!box || !imageOf(list[at]).complete) return;
  const context = canvas.getContext('2d');
  const scale = Math.min(canvas.width / box.width, canvas.height / box.height);
  context.translate((canvas.width - scale * box.width) / 2,
    (canvas.height - scale * box.height) / 2);
  context.scale(scale, scale);
  context.imageSmoothingQuality = 'high';
  context.drawImage(imageOf(list[at]), 0, 0, box.width, box.height);
  const unit = ratio / scale, mask = showMask && decodeMask(box);
  context.imageSmoothingEnabled = false;
  context.lineCap = 'round';
  if (mask) context.drawImage(shade(box, mask), 0, 0);
  if (showBox) paintBox(context, box, unit);
  if (mask) strokeTwice(context, outline(box, mask), '#fff04d', unit);
  document.documentElement.dataset.openMs ??= Math.round(performance.now());
}

// ---------------------------------------------------------------- events
const ACTIONS = {
  k: () => decide('keep'),
  d: () => decide('drop'),
  s: () => decide('skip'),
  u: undo,
  m: () => { showMask = !showMask; show(); },
  b: () => { showBox = !showBox; show(); },
  arrowleft: () => { at = Math.max(at - 1, 0); show(); },
  arrowright: () => {
    at = Math.max(Math.min(at + 1, list.length - 1), 0);
    show();
  },
};

document.addEventListener('keydown', event => {
  const key = event.key.toLowerCase();
  const inField = event.target.matches('select, input');
  if (inField && key === 'escape') event.target.blur();
  if (inField || event.ctrlKey || event.altKey || event.metaKey) return;
  // A key that is held down repeats moves, but not decisions.
  if (!(key in ACTIONS) || event.repeat && !key.startsWith('arrow')) return;
  event.preventDefault();
  ACTIONS[key]();
});
for (const button of find('keys').children) {
  button.onclick = () => ACTIONS[button.dataset.key]();
}
for (const field of find('filters').querySelectorAll('select, input')) {
  field.oninput = applyFilters;
}
for (const field of find('filters').querySelectorAll('select')) {
  // Otherwise the next key would go to the select element.
  field.onchange = () => field.blur();
}
find('reset').onclick = resetFilters;
find('download').onclick = download;
window.onresize = paint;
// A tab with another page of the same file has changed the decisions.
window.onstorage = () => { history = load(); show(); };

for (const name of [...new Set(boxes.map(box => box.name))].sort()) {
  find('by-name').add(new Option(name, name));
}
if (boxes.every(box => box.expected_iou === null)) {
  for (const field of document.querySelectorAll('.iou')) field.hidden = true;
}
// Start at the first mask without a decision: the next one after the last.
at = boxes.length - 1;
at = Math.max(nextOpen(), 0);
show();
