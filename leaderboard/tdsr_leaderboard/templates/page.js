"use strict";
/*
 * Sorts and filters the tables, and opens cards. The tables are there without it. Whatever comes from a card is put on
 * the page as text, never as HTML. The address holds what is shown: #board/card?sort=...&q=...
 */
(() => {
  const NOTHING = "\u2014";
  /** Percent of colour in the cell with the strongest one; more, and its number could not be read. */
  const HEAT = 45;
  /** From here on a gap is written with an exponent: no card of a method has one, and no table has room for it. */
  const LARGEST = 1e4;
  const UNTESTED = "not tested: only the best ranked methods are tested against each other, and matched pairs";
  /** What the select of the comparison calls the kinds of rows. */
  const KINDS = { ranked: "ranked", unranked: "not ranked", control: "controls", reference: "reference methods" };

  /* ---- Elements and numbers ---- */

  /**
   * A new element; children that are not elements become text, and those that are null are left out.
   * @param {string} tag
   * @param {Object<string, *>} [attributes] values of true set an attribute without a value
   */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false)
        element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
  }

  const known = (value) => typeof value === "number";
  const withMinus = (text) => text.replace("-", "\u2212");

  /** A gap or a difference, with its sign. */
  function signed(value) {
    if (!known(value)) return NOTHING;
    const text = Math.abs(value) < LARGEST ? value.toFixed(3) : value.toExponential(2);
    return withMinus((value < 0 ? "" : "+") + text);
  }

  /** Decimals that show four digits of the largest of `values`. */
  function decimals(values) {
    const largest = Math.max(0, ...values.filter(known).map(Math.abs));
    return largest > 0 ? Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(largest)))) : 3;
  }

  function fixed(value, digits) {
    if (!known(value)) return NOTHING;
    return withMinus(Math.abs(value) < 1e9 ? value.toFixed(digits) : value.toExponential(3));
  }

  function interval(ends, write) {
    return ends ? `[${write(ends[0])}, ${write(ends[1])}]` : "";
  }

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const places = (list, wanted) => list.map((_, place) => place).filter(wanted);
  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

  /* ---- Colours of the page ---- */

  const storage = {
    read() {
      try {
        return localStorage.getItem("tdsr-theme");
      } catch {
        return null; // a page from disk may have no storage
      }
    },
    write(choice) {
      try {
        localStorage.setItem("tdsr-theme", choice);
      } catch {
        // the choice then lasts as long as the page
      }
    },
  };

  function useTheme(choice) {
    if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
    else delete document.documentElement.dataset.theme;
  }

  function startThemeSwitch() {
    const group = document.querySelector(".theme");
    const buttons = [...group.querySelectorAll("button")];
    const press = (choice) => {
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    };
    group.addEventListener("click", (event) => {
      const choice = event.target.closest("button")?.dataset.themeChoice;
      if (!choice) return;
      storage.write(choice);
      useTheme(choice);
      press(choice);
    });
    press(document.documentElement.dataset.theme ?? "system");
    group.hidden = false;
  }

  /* ---- The address ---- */

  function readAddress() {
    const [path, query] = location.hash.slice(1).split(/\?(.*)/s);
    const [board, card] = path.split("/");
    return { board, card, options: new URLSearchParams(query ?? "") };
  }

  function writeAddress(board, card, options, { push = false } = {}) {
    const query = options.toString();
    const hash = `#${board}${card ? `/${card}` : ""}${query ? `?${query}` : ""}`;
    if (hash === location.hash) return;
    try {
      history[push ? "pushState" : "replaceState"](null, "", hash);
    } catch {
      // some browsers refuse this for pages from disk; all still works, it is not to be shared
    }
  }

  /* ---- A table ---- */

  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  class Table {
    /** @param {HTMLElement} section that of a board */
    constructor(section) {
      this.slug = section.id;
      this.body = section.querySelector(".ranks tbody");
      this.heads = [...section.querySelectorAll(".ranks thead th")];
      this.form = section.querySelector(".controls");
      this.count = section.querySelector(".count");
      this.rows = [...this.body.rows].map((element, place) => this.#row(element, place));
      this.column = 0;
      this.down = false;
      this.onchange = () => {};
      this.form.hidden = false;
      this.form.addEventListener("submit", (event) => event.preventDefault());
      this.form.addEventListener("input", () => this.#changed());
      this.form.addEventListener("reset", () => setTimeout(() => this.#reset()));
      this.heads.forEach((head, column) => {
        head.querySelector("button").addEventListener("click", () => this.#sortBy(column));
      });
    }

    #row(element, place) {
      const cells = [...element.cells];
      const searched = cells.filter((cell) => cell.matches(".method, .flags, .trained"));
      return {
        element,
        place,
        kind: ["control", "reference"].find((kind) => element.classList.contains(kind)) ?? "method",
        ranked: !element.classList.contains("unranked"),
        track: element.dataset.track,
        flags: element.dataset.flags.split("|").slice(0, -1),
        text: searched
          .map((cell) => cell.textContent)
          .join(" ")
          .toLowerCase(),
        values: cells.map(cellValue),
      };
    }

    #sortBy(column) {
      const best = this.heads[column].classList.contains("gap");
      this.down = column === this.column ? !this.down : best;
      this.column = column;
      this.#changed();
    }

    #reset() {
      this.column = 0;
      this.down = false;
      this.#changed();
    }

    #changed() {
      this.apply();
      this.onchange();
    }

    /** Sorts and filters the rows as column and form say. */
    apply() {
      const wanted = Object.fromEntries(new FormData(this.form));
      wanted.q = (wanted.q ?? "").trim().toLowerCase();
      const counts = { method: 0, control: 0, reference: 0 };
      for (const row of this.rows) {
        row.element.hidden = !isWanted(row, wanted);
        if (!row.element.hidden) counts[row.kind] += 1;
      }
      const order = this.#sorted().map((row) => row.element);
      if (order.some((element, place) => element !== this.body.rows[place])) this.body.append(...order);
      this.heads.forEach((head, column) => {
        const way = this.down ? "descending" : "ascending";
        head.setAttribute("aria-sort", column === this.column ? way : "none");
      });
      this.count.textContent = this.#counted(counts);
    }

    #sorted() {
      const way = this.down ? -1 : 1;
      return [...this.rows].sort((a, b) => {
        const [one, other] = [a.values[this.column], b.values[this.column]];
        if (one === null || other === null) return (one === null) - (other === null) || a.place - b.place;
        const order = known(one) ? one - other : collator.compare(one, other);
        return way * order || a.place - b.place;
      });
    }

    #counted(counts) {
      const all = this.rows.filter((row) => row.kind === "method").length;
      const controls = counts.control ? `, ${plural(counts.control, "control")}` : "";
      const references = counts.reference ? `, ${plural(counts.reference, "reference method")}` : "";
      return `${counts.method} of ${plural(all, "method")}${controls}${references} shown`;
    }

    /** What differs from a fresh table, for the address. */
    options() {
      const found = new URLSearchParams();
      const head = this.heads[this.column].querySelector("button").dataset.sort;
      if (this.column || this.down) found.set("sort", (this.down ? "-" : "") + head);
      for (const field of this.form.elements) {
        if (!field.name) continue;
        if (field.type === "checkbox") {
          if (field.checked !== field.defaultChecked) found.set(field.name, field.checked ? "1" : "0");
        } else if (field.value) found.set(field.name, field.value);
      }
      return found;
    }

    /** Takes over what an address says. */
    take(options) {
      const sort = options.get("sort") ?? "rank";
      const column = this.heads.findIndex(
        (head) => head.querySelector("button").dataset.sort === sort.replace(/^-/, ""),
      );
      this.column = Math.max(0, column);
      this.down = column >= 0 && sort.startsWith("-");
      for (const field of this.form.elements) {
        if (!field.name) continue;
        const value = options.get(field.name);
        if (field.type === "checkbox") field.checked = value === null ? field.defaultChecked : value === "1";
        else field.value = value ?? "";
        if (field.tagName === "SELECT" && field.selectedIndex < 0) field.selectedIndex = 0;
      }
      this.apply();
    }
  }

  /** What a cell sorts by: a number, a text, or null where there is nothing. */
  function cellValue(cell) {
    if (cell.dataset.v !== undefined) return cell.dataset.v === "" ? null : Number(cell.dataset.v);
    const text = cell.textContent.trim();
    return text === "" || text === NOTHING ? null : text;
  }

  function isWanted(row, wanted) {
    if (wanted.q && !row.text.includes(wanted.q)) return false;
    if (row.kind === "reference") return Boolean(wanted.references);
    if (row.kind === "control" ? !wanted.controls : !row.ranked && !wanted.unranked) return false;
    if (wanted.track && row.track !== wanted.track) return false;
    if (wanted.flag === "none") return row.flags.length === 0;
    return !wanted.flag || row.flags.includes(wanted.flag);
  }

  /** Lets the head of a table stick to the window where the table needs no scrolling of its own. */
  function watchWidths() {
    const check = (box) => {
      const fits = box.scrollWidth <= box.clientWidth + 1;
      box.classList.toggle("fits", fits);
      if (fits) box.removeAttribute("tabindex");
      else box.tabIndex = 0;
    };
    const observer = new ResizeObserver((entries) => entries.forEach((entry) => check(entry.target)));
    document.querySelectorAll(".board .scroll").forEach((box) => observer.observe(box));
  }

  /* ---- A card ---- */

  /** A table of texts and cells; `heads` are texts or elements. */
  function tableOf(heads, rows, attributes = { class: "values" }) {
    const head = make(
      "tr",
      {},
      heads.map((text) => (text instanceof Element ? text : make("th", { scope: "col" }, text))),
    );
    const table = make("table", attributes, make("thead", {}, head), make("tbody", {}, rows));
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" }, table);
  }

  const rowHead = (...children) => make("th", { scope: "row" }, ...children);
  const cell = (text) => make("td", {}, text);
  const textCell = (text) => make("td", { class: "text" }, text);

  /** A cell on blue for what is better, on orange for what is worse; the share goes from -1 to 1. */
  function heated(text, share, title) {
    const found = make("td", { class: "heat", title }, text);
    if (known(share)) {
      const strength = Math.min(1, Math.abs(share)) * HEAT;
      found.style.setProperty("--share", `${strength.toFixed(0)}%`);
      if (share < 0) found.style.setProperty("--hue", "var(--worse)");
    }
    return found;
  }

  function fact(term, value, attributes = {}) {
    if (value === null || value === undefined || value === "") return null;
    return make("div", attributes, make("dt", {}, term), make("dd", {}, value));
  }

  /** The head of a column of numbers of a line. */
  const nameHead = (line) => make("th", { scope: "col" }, make("div", { class: "clamp" }, make("bdi", {}, line.label)));
  const remark = (text) => make("p", { class: "facts" }, text);
  const hash = (text) => (text ? make("span", { class: "hash" }, text) : null);

  class Card {
    /**
     * @param {Object} board what the page's data say of a board
     * @param {Object} line one of its lines
     * @param {Object} sheet how sheets are laid out
     * @param {URLSearchParams} options what is chosen within the card: `with`, `set`
     * @param {function(): void} onchange called when that changes
     */
    constructor(board, line, sheet, options, onchange) {
      Object.assign(this, { board, line, sheet, options, onchange });
    }

    /** The elements of the opened card. */
    build() {
      const parts = [
        ["Gaps", this.gaps()],
        ["Compare", this.comparison()],
        ["Pictures", this.pictures()],
        ["Tasks", this.tasks()],
        ["Metrics", this.metrics()],
        ["Scenes", this.scenes()],
        ["How it was made", this.provenance()],
      ].filter(([, content]) => content);
      const sections = parts.map(([title, content]) => make("section", {}, make("h3", {}, title), content));
      return [
        this.head(
          parts.map(([title]) => title),
          sections,
        ),
        make("div", { class: "card-body" }, this.about(), sections),
      ];
    }

    head(titles, sections) {
      const close = make("button", { type: "button", class: "plain" }, "Close");
      close.addEventListener("click", () => close.closest("dialog").close());
      const jumps = titles.map((title, place) => {
        const jump = make("button", { type: "button" }, title);
        jump.addEventListener("click", () => sections[place].scrollIntoView());
        return jump;
      });
      const title = make("h2", { id: "card-title", title: this.line.label }, make("bdi", {}, this.line.label));
      return make(
        "header",
        { class: "card-head" },
        make("div", { class: "card-title" }, title, close),
        make("nav", { class: "card-nav", "aria-label": "Parts of the card" }, jumps),
      );
    }

    about() {
      const { line, board } = this;
      if (line.kind === "reference") {
        return remark("A reference method: every table shows it, measured on the same scenes. It takes no rank.");
      }
      const chips = line.flags.map(([text, meaning]) =>
        make("div", {}, make("span", { class: "chip" }, text), meaning),
      );
      const failed = Object.entries(line.failed).map(([scene, reason]) => make("div", {}, `${scene}: ${reason}`));
      const training = Object.entries(line.training).filter(([, value]) => value !== "");
      return make(
        "dl",
        { class: "about" },
        fact("Rank", line.rank ? `${line.rank}, by ${board.gaps[board.score]}` : "none"),
        fact("Not ranked because", line.reasons.join("; "), { class: "wide" }),
        fact("Track", make("span", { class: `track ${line.track}` }, line.track.toUpperCase())),
        fact("Control of", line.controlOf && make("bdi", {}, line.controlOf)),
        fact("Frames of a scene, at most", known(line.frames) ? String(line.frames) : ""),
        fact("Parameters", known(line.parameters) ? line.parameters.toLocaleString("en") : ""),
        fact("Trained on", make("bdi", {}, line.trainedOn), { class: "wide" }),
        fact(
          "Training",
          training.map(([name, value]) => make("div", {}, `${name}: `, value.length > 40 ? hash(value) : value)),
          {
            class: training.length ? "wide" : null,
            hidden: training.length === 0,
          },
        ),
        fact("Flags", chips.length ? chips : "none", { class: chips.length ? "wide" : null }),
        failed.length ? fact("Failed scenes", failed, { class: "wide" }) : null,
      );
    }

    gaps() {
      const { board, line } = this;
      const all = Object.entries(line.gaps);
      const rows = all
        .filter(([, [value]]) => known(value))
        .map(([key, [value, ends, , regions]]) => {
          const title = board.gaps[key] + (key === board.score ? " (ranks)" : "");
          const cells = (regions || board.regions.map(() => null)).map((one) => heated(signed(one), one));
          return make(
            "tr",
            {},
            rowHead(title),
            cell(make("b", {}, signed(value))),
            cell(interval(ends, signed)),
            cells,
          );
        });
      const missing = all.filter(([, [value]]) => !known(value));
      const reasons = [...new Set(missing.flatMap(([, part]) => part[4].map((place) => board.shared[place])))];
      const names = missing.map(([key]) => board.gaps[key]).join(", ");
      if (!all.length) return null;
      return make(
        "div",
        {},
        rows.length ? remark("The mean over regions, each clipped to −1 and 1.") : null,
        rows.length ? tableOf(["gap", "value", "95 % interval", ...board.regions], rows) : null,
        missing.length ? remark(`No ${names}. ${reasons.join("; ")}`) : null,
      );
    }

    /* Comparison with another method */

    comparison() {
      const others = this.board.lines.filter((other) => other !== this.line && regionsOf(other, this.board.score));
      if (!others.length || !regionsOf(this.line, this.board.score)) return null;
      const wanted = this.options.get("with");
      const chosen = others.find((other) => other.slug === wanted) ?? this.neighbour(others);
      const select = make("select", {}, grouped(others, chosen));
      const result = make("div", { "aria-live": "polite" });
      const show = () => {
        const other = others.find((one) => one.slug === select.value);
        result.replaceChildren(...this.differences(other).flat());
      };
      select.addEventListener("change", () => {
        this.options.set("with", select.value);
        show();
        this.onchange();
      });
      show();
      return make("div", {}, make("div", { class: "pick" }, make("label", {}, "with", select)), result);
    }

    /** The next in rank, or the one before. */
    neighbour(others) {
      const { rank } = this.line;
      const ranked = (wanted) => others.find((other) => rank && other.rank === wanted);
      return ranked(rank + 1) ?? ranked(rank - 1) ?? others[0];
    }

    differences(other) {
      const { board, line } = this;
      const [own, their] = [regionsOf(line, board.score), regionsOf(other, board.score)];
      const [test, ...more] = findTests(board, line, other);
      const shared = places(board.regions, (place) => known(own[place]) && known(their[place]));
      const value = test?.value ?? mean(shared.map((place) => own[place] - their[place]));
      const rows = shared.map((place) => {
        const difference = own[place] - their[place];
        const both = [own[place], their[place]].map((one) => cell(signed(one)));
        return make("tr", {}, rowHead(board.regions[place]), both, heated(signed(difference), 2 * difference));
      });
      const means = [line, other].map((one) => cell(signed(one.gaps[board.score][0])));
      rows.push(make("tr", { class: "sum" }, rowHead("mean"), means, cell(signed(value))));
      const ends = test && known(test.reach) ? ` ${interval([value - test.reach, value + test.reach], signed)}` : "";
      return [
        make("p", { class: "finding" }, make("b", {}, `${signed(value)}${ends}`), `: ${test ? said(test) : UNTESTED}`),
        more.map((one) => remark(`By fewer tests, those of one frame against many: ${said(one)}.`)),
        tableOf(["region", ...[line, other].map(nameHead), "difference"], rows),
      ];
    }

    /* Pictures */

    pictures() {
      const { sheet } = this.line;
      if (!sheet) return null;
      if (!sheet.data) {
        const text = sheet.beside
          ? `There was no more room for pictures in this page; these lie beside the card, in ${sheet.beside}.`
          : `The file of pictures beside the card (${sheet.broken}) cannot be read.`;
        return remark(text);
      }
      const blocks = sheet.scenes.map((scene, place) => this.picture(scene, place));
      return make(
        "div",
        {},
        remark(`In rows of tasks: ${this.sheet.legend}.`),
        make("div", { class: "sheets" }, blocks),
      );
    }

    /** The part of the sheet that shows `scene`. */
    picture(scene, place) {
      const { sheet, label } = this.line;
      const region = this.board.sceneRegions[this.board.scenes.indexOf(scene)] ?? "";
      const tasks = sheet.rows.filter((row) => row !== this.sheet.image);
      const [first, ...others] = this.sheet.columns;
      const columns = [tasks.length ? `${first}; truth` : first, ...others];
      const alt = `${scene}, ${region}, by ${label}. Columns: ${columns.join(", ")}. Rows: ${sheet.rows.join(", ")}.`;
      const image = make("img", { alt, src: `data:image/webp;base64,${sheet.data}`, decoding: "async" });
      image.style.setProperty("top", `${-100 * place}%`);
      const crop = make("div", { class: "crop" }, image);
      crop.style.setProperty("aspect-ratio", `${columns.length} / ${sheet.rows.length}`);
      return make(
        "div",
        { class: "sheet" },
        make("h4", {}, scene, make("small", {}, ` ${region}`)),
        make(
          "div",
          { class: "columns" },
          columns.map((name) => make("span", {}, name)),
        ),
        make(
          "div",
          { class: "rows" },
          sheet.rows.map((name) => make("span", {}, name)),
        ),
        crop,
      );
    }

    /* Metrics and tasks */

    tasks() {
      const { board, line } = this;
      const rows = board.keys.flatMap((key, place) => {
        const part = line.metrics[place];
        if (!key.bounds || !part) return [];
        const [bicubic, frames, reference, counts] = key.bounds;
        const digits = decimals([part[0], bicubic, frames, reference]);
        const numbers = [part[0], bicubic, frames, reference].map((value) => cell(fixed(value, digits)));
        const ends = cell(interval(part[1], (value) => fixed(value, digits)));
        const head = measureHead(key, counts ? "in the gap" : "");
        return [make("tr", {}, head, numbers[0], ends, numbers.slice(1), heated(signed(part[2]), part[2]))];
      });
      if (!rows.length) return null;
      const text =
        "The gap goes from the better of bicubic, and bicubic by networks that were trained on frames, to the " +
        "reference; a measure's own gap is not clipped.";
      const heads = [
        "measure",
        "this",
        "95 % interval",
        "bicubic",
        "by networks trained on frames",
        "reference",
        "gap",
      ];
      return make("div", {}, remark(text), tableOf(heads, rows));
    }

    metrics() {
      const { board, line } = this;
      const bounds = ["bicubic", "reference itself"].map((name) => this.reference(name));
      const image = places(board.keys, (place) => !board.keys[place].bounds && line.metrics[place]);
      const there = image.filter((place) => known(line.metrics[place][0]));
      const missing = image.filter((place) => !there.includes(place));
      if (!image.length) return null;
      const rows = there.map((place) =>
        this.metricRow(
          place,
          bounds.map((one) => (one?.metrics[place] || [null])[0]),
        ),
      );
      const unit = make("th", { scope: "col", class: "text" }, "unit");
      const heads = ["metric", "mean", "95 % interval", unit, "bicubic", "reference", "gap", "scenes"];
      const reasons = Map.groupBy(missing, (place) => line.metrics[place][4]);
      const notes = [...reasons].map(([reason, own]) => {
        const names = own.map((place) => board.keys[place].title).join(", ");
        return remark(`No ${names}${reason === undefined ? "" : `: ${board.shared[reason]}`}`);
      });
      const text = "Means over regions. ↑ more is better, ↓ less is better.";
      return make("div", {}, remark(text), rows.length ? tableOf(heads, rows) : null, notes);
    }

    metricRow(place, others) {
      const key = this.board.keys[place];
      const [value, ends, gap, scenes] = this.line.metrics[place];
      const digits = decimals([value, ...others]);
      const write = (one) => fixed(one, digits);
      return make(
        "tr",
        {},
        measureHead(key, ""),
        cell(write(value)),
        cell(interval(ends, write)),
        textCell(key.unit),
        others.map((other) => cell(known(other) ? write(other) : "")),
        known(gap) ? heated(signed(gap), gap) : cell(""),
        cell(known(scenes) ? String(scenes) : ""),
      );
    }

    /** The line of a method that every table shows. */
    reference(name) {
      return this.board.lines.find((one) => one.kind === "reference" && one.label === name);
    }

    /* Values of scenes */

    scenes() {
      const { board, line } = this;
      const has = board.keys.map((_, place) => Boolean(line.values[place]));
      const groups = [...new Set(board.keys.filter((_, place) => has[place]).map((key) => key.group))];
      if (!groups.length) return null;
      const wanted = this.options.get("set");
      const select = make(
        "select",
        {},
        groups.map((group) => make("option", { selected: group === wanted }, group)),
      );
      const result = make("div");
      const show = () => {
        const chosen = places(board.keys, (place) => has[place] && board.keys[place].group === select.value);
        result.replaceChildren(this.sceneTable(chosen));
      };
      select.addEventListener("change", () => {
        this.options.set("set", select.value);
        show();
        this.onchange();
      });
      show();
      const ramp = make("span", { class: "ramp" }, "worse than bicubic", make("i"), "the reference");
      const text =
        "Means over bands and networks. Where bicubic or the reference was not measured, deeper blue is the better " +
        "scene.";
      return make(
        "div",
        {},
        make("div", { class: "pick" }, make("label", {}, "metrics", select), ramp),
        remark(text),
        result,
      );
    }

    sceneTable(shown) {
      const { board, line } = this;
      const shades = shown.map((place) => this.shader(place));
      const digits = shown.map((place) => decimals(line.values[place]));
      const rows = board.scenes.map((scene, index) => {
        const cells = shown.map((place, column) => {
          const value = line.values[place][index];
          const [share, title] = shades[column](value, index);
          return heated(fixed(value, digits[column]), share, title);
        });
        return make("tr", {}, rowHead(scene), textCell(board.sceneRegions[index]), cells);
      });
      const heads = shown.map((place) => {
        const { title, unit, better, source } = board.keys[place];
        return make(
          "th",
          { scope: "col", title: source || null },
          `${title}${unit ? `, ${unit}` : ""}${arrow(better)}`,
        );
      });
      return tableOf(["scene", make("th", { scope: "col", class: "text" }, "region"), ...heads], rows);
    }

    /** From a value and its scene to its share of the way from bicubic to the reference, and a text that says it. */
    shader(place) {
      const { board, line } = this;
      const key = board.keys[place];
      const [bicubic, reference] = ["bicubic", "reference itself"].map((name) => this.reference(name)?.values[place]);
      if (bicubic && reference) {
        return (value, index) => {
          const [low, high] = [bicubic[index], reference[index]];
          if (![value, low, high].every(known) || low === high) return [null, null];
          return [
            (value - low) / (high - low),
            `bicubic ${withMinus(String(low))}, reference ${withMinus(String(high))}`,
          ];
        };
      }
      const values = line.values[place].filter(known);
      const [least, most] = [Math.min(...values), Math.max(...values)];
      return (value) => {
        if (!known(value) || most === least || !key.better) return [null, null];
        const share = (value - least) / (most - least);
        return [0.7 * (key.better > 0 ? share : 1 - share), null];
      };
    }

    /* How it was made */

    provenance() {
      const { board, line } = this;
      if (line.kind === "reference") return null;
      const made = board.shared[line.environment];
      const [predicting, scoring] = line.seconds;
      const libraries = Object.entries(made.libraries ?? {}).map(([name, version]) => `${name} ${version || NOTHING}`);
      const state = { true: ", with changes", false: ", unchanged" }[made.dirty] ?? "";
      const code = made.git ? [hash(made.git), state] : null;
      return make(
        "div",
        {},
        make(
          "dl",
          { class: "about" },
          fact("Inconsistency with the input", known(line.consistency) ? `${line.consistency} times bicubic's` : ""),
          fact("Seconds a scene, to predict", known(predicting) ? String(predicting) : ""),
          fact("Seconds a scene, to score", known(scoring) ? String(scoring) : ""),
          fact("Predictions kept from an earlier run", known(line.kept) ? String(line.kept) : ""),
          fact("Submission, SHA-256", hash(line.sha256) ?? "none: scored from images", { class: "wide" }),
          fact("Code, commit", code, { class: "wide" }),
          fact("Protocol", [`${board.protocol.id}, version ${board.protocol.version}, `, hash(board.protocol.sha256)], {
            class: "wide",
          }),
          fact("Pixels, fingerprint", hash(board.data.fingerprint), { class: "wide" }),
          fact("Truth", board.data.truth, { class: "wide" }),
          fact(
            "Made with",
            `tdsr-bench ${made.package ?? NOTHING}, Python ${made.python ?? NOTHING}, on ${made.device ?? NOTHING}`,
          ),
          fact("Libraries", libraries.join(", "), { class: "wide" }),
        ),
        this.networks(),
      );
    }

    networks() {
      const uses = Object.entries(this.board.shared[this.line.networks]);
      const all = uses.flatMap(([use, own]) => own.map((one) => ({ use, ...one })));
      if (!all.length) return null;
      const columns = ["use", "task", "name", "input", "threshold", "sha256"].filter((name) =>
        all.some((one) => one[name]),
      );
      const write = (one, name) => (name === "sha256" ? hash(one[name]) : one[name]) ?? "";
      const rows = all.map((one) =>
        make(
          "tr",
          {},
          columns.map((name) => textCell(write(one, name))),
        ),
      );
      const heads = columns.map((name) => make("th", { scope: "col", class: "text" }, name));
      return make(
        "details",
        {},
        make("summary", {}, `${plural(all.length, "network")} that looked`),
        tableOf(heads, rows),
      );
    }
  }

  /** Which end of a metric is better, after a space that does not break. */
  const arrow = (better) => ["\u00a0↓", "", "\u00a0↑"][better + 1];

  function measureHead(key, note) {
    const head = rowHead(`${key.title}${arrow(key.better)}`, note ? make("small", {}, ` ${note}`) : null);
    if (key.source) head.title = key.source;
    return head;
  }

  const regionsOf = (line, score) => line.gaps[score]?.[3] || null;

  function grouped(lines, chosen) {
    const kindOf = (line) => (line.kind === "method" ? (line.rank ? "ranked" : "unranked") : line.kind);
    return Object.entries(KINDS).flatMap(([kind, title]) => {
      const options = lines
        .filter((line) => kindOf(line) === kind)
        .map((line) => make("option", { value: line.slug, selected: line === chosen }, line.label));
      return options.length ? [make("optgroup", { label: title }, options)] : [];
    });
  }

  /** The tests of two lines, each with its value, half its interval, p, verdict, and what it was corrected for. */
  function findTests(board, one, other) {
    return [rankedTest(board, one, other), matchedTest(board, one, other)].filter((test) => test);
  }

  function rankedTest(board, one, other) {
    if (![one, other].every((line) => line.rank && line.rank <= board.tested)) return null;
    const way = one.rank < other.rank ? 1 : -1;
    const place = pairPlace(board, ...(way > 0 ? [one, other] : [other, one]));
    return testAt(board, board.pairs, place, way, "pairs of ranked methods");
  }

  function matchedTest(board, one, other) {
    const { first, second } = board.contrasts;
    const [here, there] = [one, other].map((line) => board.lines.indexOf(line));
    const [place] = places(first, (at) => first[at] === here && second[at] === there);
    const [turned] = places(first, (at) => first[at] === there && second[at] === here);
    const way = place === undefined ? -1 : 1;
    return testAt(board, board.contrasts, place ?? turned, way, "matched pairs and controls");
  }

  /** Where the pair of two tested lines stands: pairs are in the order 12, 13, ..., 23, ... */
  function pairPlace(board, first, second) {
    const [i, j] = [first.rank - 1, second.rank - 1];
    return i * board.tested - (i * (i + 1)) / 2 + (j - i - 1);
  }

  function testAt(board, tests, place, way, family) {
    if (!known(tests.value[place])) return null;
    const verdict = board.verdicts[tests.verdict[place]];
    const among = `${tests.value.length} ${family}`;
    return { value: way * tests.value[place], reach: tests.reach[place], p: tests.p[place], verdict, among };
  }

  /** What a test says, in words. */
  function said({ verdict, p, among }) {
    if (!known(p)) return verdict;
    return `${verdict}, p ${p < 0.001 ? "< 0.001" : p.toFixed(3)} after correction for ${among}`;
  }

  /* ---- The page ---- */

  class Page {
    constructor() {
      this.sections = [...document.querySelectorAll("section.board")];
      this.tabs = [...document.querySelectorAll(".tabs a")];
      this.dialog = document.getElementById("card");
      this.tables = new Map();
      for (const section of this.sections.filter((one) => one.querySelector(".ranks"))) this.#startTable(section);
      this.inCard = new URLSearchParams();
      this.dialog.addEventListener("close", () => this.#closed());
      this.dialog.addEventListener("click", (event) => {
        if (event.target === this.dialog) this.dialog.close();
      });
      addEventListener("hashchange", () => this.follow());
      addEventListener("popstate", () => this.follow());
    }

    #startTable(section) {
      const table = new Table(section);
      this.tables.set(section.id, table);
      table.onchange = () => this.#write();
      table.body.addEventListener("click", (event) => {
        const chosen = event.target.closest("tr");
        if (!chosen || (!event.target.closest("button") && String(getSelection()))) return;
        this.inCard = new URLSearchParams();
        this.open(chosen.dataset.slug);
        this.#write({ push: true });
      });
    }

    /** Shows what the address says. */
    follow() {
      const { board, card, options } = readAddress();
      const section = board ? document.getElementById(board)?.closest("section.board") : null;
      if (!section && this.board) return; // the address of something else on the page
      this.show(section ?? this.sections[0]);
      if (!this.board) return;
      const table = this.tables.get(this.board);
      if (table && (!this.followed || options.size)) table.take(options);
      this.followed = true;
      this.inCard = new URLSearchParams([...options].filter(([name]) => name === "with" || name === "set"));
      if (card && this.#lines().has(card)) this.open(card);
      else if (this.dialog.open) this.dialog.close();
    }

    show(section) {
      this.board = section?.id;
      for (const one of this.sections) one.hidden = one !== section;
      for (const tab of this.tabs) {
        if (tab.hash === `#${this.board}`) tab.setAttribute("aria-current", "true");
        else tab.removeAttribute("aria-current");
      }
    }

    /** Opens the card of a line of the board that is shown. */
    open(slug) {
      const line = this.#lines().get(slug);
      if (!line) return;
      this.card = slug;
      const card = new Card(this.data.boards[this.board], line, this.data.sheet, this.inCard, () => this.#write());
      this.dialog.replaceChildren(...card.build());
      if (!this.dialog.open) this.dialog.showModal();
      document.documentElement.classList.add("open-card"); // then a card is what is printed
      this.dialog.scrollTop = 0;
    }

    #closed() {
      if (this.dialog.open) return; // opened again before the event of closing came
      const opener = this.tables.get(this.board)?.body.querySelector(`tr[data-slug="${CSS.escape(this.card)}"] .open`);
      document.documentElement.classList.remove("open-card");
      this.card = undefined;
      this.inCard = new URLSearchParams();
      this.dialog.replaceChildren();
      opener?.focus();
      this.#write();
    }

    #write(how) {
      const options = this.tables.get(this.board)?.options() ?? new URLSearchParams();
      for (const [name, value] of this.inCard) options.set(name, value);
      writeAddress(this.board, this.card, options, how);
    }

    /** The data, read when they are first needed. */
    get data() {
      this.read ??= JSON.parse(document.getElementById("data").textContent);
      return this.read;
    }

    #lines() {
      return new Map((this.data.boards[this.board]?.lines ?? []).map((line) => [line.slug, line]));
    }
  }

  useTheme(storage.read());
  addEventListener("DOMContentLoaded", () => {
    startThemeSwitch();
    const page = new Page();
    page.follow();
    for (const table of page.tables.values()) if (table.slug !== page.board) table.apply();
    watchWidths();
  });
})();
