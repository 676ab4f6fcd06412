// A panel asks the window by messages: { shimyard: 1, id, call }, and is answered with { shimyard: 1, id, result } or
// { ..., error: { message } }. The window says { shimyard: 1, theme } when its appearance changes.
let asked = 0;
const waiting = new Map();

function ask(call) {
  const id = ++asked;
  parent.postMessage({ shimyard: 1, id, call }, "*");
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

addEventListener("message", ({ source, data }) => {
  if (source !== parent || data?.shimyard !== 1) return;
  if (data.theme) document.documentElement.dataset.theme = data.theme;
  const promise = waiting.get(data.id);
  waiting.delete(data.id);
  if (data.error) promise?.reject(new Error(data.error.message));
  else promise?.resolve(data.result);
});

const units = ["B", "KiB", "MiB", "GiB", "TiB"];
function size(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${bytes.toFixed(unit === 0 || bytes >= 100 ? 0 : 1)} ${units[unit]}`;
}

function cell(text, name) {
  const made = document.createElement("td");
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

async function count() {
  const trouble = document.getElementById("trouble");
  const total = document.getElementById("total");
  trouble.hidden = true;
  total.textContent = "Counting…";
  try {
    const [containers, use] = await Promise.all([
      ask({ method: "containers.list" }),
      ask({ method: "containers.diskUse" }),
    ]);
    const names = new Map(containers.map(({ id, name }) => [id, name]));
    const rows = use
      .map(({ id, files, log }) => ({ name: names.get(id) ?? id.slice(0, 12), files, log }))
      .sort((a, b) => b.files + b.log - a.files - a.log);
    const most = Math.max(1, ...rows.map(({ files, log }) => files + log));
    document.getElementById("rows").replaceChildren(
      ...rows.map(({ name, files, log }) => {
        const row = document.createElement("tr");
        const bar = cell("", "bar");
        const meter = document.createElement("meter");
        meter.max = most;
        meter.value = files + log;
        bar.append(meter);
        row.append(
          cell(name),
          cell(size(files), "number"),
          cell(size(log), "number"),
          cell(size(files + log), "number"),
          bar,
        );
        return row;
      }),
    );
    const sum = rows.reduce((all, { files, log }) => all + files + log, 0);
    const many = `${rows.length} container${rows.length === 1 ? "" : "s"}`;
    total.textContent = `${size(sum)} in ${many}, beside their images`;
  } catch (error) {
    total.textContent = "";
    trouble.textContent = error.message;
    trouble.hidden = false;
  }
}

document.getElementById("again").addEventListener("click", () => void count());
void count();
