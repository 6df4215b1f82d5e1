/* leadstream.js: tells a collector what visitors of a web site do. docs/sources/snippet.md says how it is used.
 *
 *   <script async src="https://collector.example.com/leadstream.js" data-key="my-site"></script>
 *
 * `python tests/streams/built_snippet.py` makes leadstream.min.js of it, which is what collectors serve; a test holds that
 * file against a fresh build, and its size against 2,560 bytes gzipped. One word for one thing keeps it small. Whatever the
 * page can reach is guarded: an error here costs an event, never the page. "/v1/b" stands here once: where the script is
 * served under another name, the collector writes that name there.
 */
(function () {
  const page = window;
  const doc = document;
  const place = location;
  const tag = doc.currentScript || doc.querySelector("script[data-key]");
  const early = page.leadstream; // a list of calls that did not wait for us
  if (!tag || (early && early.identify)) {
    return; // included twice: once is enough
  }
  const option = (name) => tag.getAttribute("data-" + name);
  const endpoint = option("endpoint") || new URL("/v1/b", tag.src).href;
  const gated = option("consent") == "required";
  const refused = navigator.globalPrivacyControl; // nothing is stored or sent, whatever the page says

  const MINE = "_ls"; // of the cookie and of the local storage
  const UNSENT = "_lsq";
  const BEACON_MAX = 6e4; // bytes: browsers take 64 KiB, for all that is under way together
  const WAITING_MAX = 1e3;
  const MARKS = /^(utm_\w+|(g|d|ms|fb|tw|tt)clid|[gw]braid|(rdt|mc)_cid|li_fat_id)$/;

  let state = {}; // i: visitor, u: user, f and l: first and last touch, c: consent, 1 or 0
  let queue = [];
  let underway = 0; // how many of the queue's first are being sent
  let failures = 0; // in a row
  let timer;
  let seen; // the address of the last page view
  let context; // of the page that is looked at

  /* The same function, which lets no error out. */
  const guard = (act) => function () {
    try {
      return act.apply(this, arguments);
    } catch (error) {}
  };
  const listen = (target, name, act) => target.addEventListener(name, guard(act), true);
  const newId = () => crypto.getRandomValues(new Uint32Array(4)).join("");
  const now = () => new Date().toISOString();
  const allowed = () => !refused && (gated ? state.c : state.c !== 0);

  /* ---- what is kept: a cookie for the widest domain that takes it, shared by subdomains, and a copy beside it ---- */

  const store = guard((name, value) => {
    localStorage[name] = value;
  });
  const stored = guard((name) => localStorage[name]);
  const cookie = guard(() => doc.cookie.match(/(?:^|; )_ls=([^;]*)/)[1]);
  const written = (value) => encodeURIComponent(JSON.stringify(value));
  const read = guard((value) => JSON.parse(decodeURIComponent(value)));

  const save = guard(() => {
    const value = allowed() ? written(state) : gated ? "" : written({ c: 0 });
    const parts = place.hostname.split(".");
    store(MINE, value);
    for (let n = parts.length; n--; ) {
      doc.cookie = MINE + "=" + value + ";path=/;samesite=lax;max-age=" + (value ? 34560000 : 0) +
        (parts[1] ? ";domain=" + (option("domain") || parts.slice(n).join(".")) : "") +
        (place.protocol == "https:" ? ";secure" : "");
      if (value && cookie() == value) {
        return;
      }
    }
  });

  /* How this page was come to, and whether that is a touch of its own: marked by a campaign, or from elsewhere. */
  const touch = {};
  let arrived;
  guard(() => {
    new URLSearchParams(place.search).forEach((value, name) => {
      if (MARKS.test(name)) {
        arrived = touch[name] = value.slice(0, 200);
      }
    });
    if (doc.referrer && new URL(doc.referrer).host != place.host) {
      arrived = touch.referrer = doc.referrer.slice(0, 200);
    }
    touch.landing = (place.origin + place.pathname).slice(0, 200);
    touch.at = now();
  })();

  /* Say who this is and how they came; it is stored only once it may be. */
  const recognise = () => {
    state.i = state.i || newId();
    state.f = state.f || touch;
    state.l = (!arrived && state.l) || touch;
    save();
  };

  /* ---- what is sent ---- */

  const body = (messages) => JSON.stringify({
    writeKey: option("key"),
    sentAt: now(),
    context: messages[0].context,
    batch: messages.map((each) => ({
      anonymousId: state.i,
      userId: state.u,
      ...each,
      context: each.context == messages[0].context ? undefined : each.context
    }))
  });
  const fits = (text) => new Blob([text]).size < BEACON_MAX;

  /* The first messages that fit into a request, found by halving; one alone goes as it is. */
  const portion = () => {
    let messages = queue.slice(0, 100);
    while (messages[1] && !fits(body(messages))) {
      messages = messages.slice(0, messages.length / 2);
    }
    return messages;
  };
  const later = (wait) => {
    clearTimeout(timer);
    timer = setTimeout(flush, wait);
  };
  const flush = guard(() => {
    if (!underway && queue[0] && allowed()) {
      const messages = portion();
      const text = body(messages);
      const settle = (answer) => {
        const again = !answer || answer.status > 499 || /408|429/.test(answer.status);
        underway = 0;
        if (again) {
          later(Math.max((answer && answer.headers.get("Retry-After") * 1e3) || 0, Math.min(6e4, 500 * 2 ** failures++)));
        } else {
          queue = queue.filter((each) => messages.indexOf(each) < 0);
          failures = 0;
          later(0);
        }
      };
      underway = messages.length;
      fetch(endpoint, { method: "POST", body: text, keepalive: fits(text) }).then(settle, () => settle());
    }
  });

  /* The page goes: what waits goes by beacon, and what no beacon takes waits for the next page. */
  const leave = () => {
    if (allowed()) {
      const kept = queue.slice(0, underway); // on its way already; the browser sees it through
      queue = queue.slice(underway);
      while (queue[0] && !failures && navigator.onLine) {
        const messages = portion();
        if (!navigator.sendBeacon(endpoint, body(messages))) {
          break;
        }
        queue = queue.slice(messages.length);
      }
      if (queue[0]) {
        store(UNSENT, written((read(stored(UNSENT)) || []).concat(queue).slice(-WAITING_MAX)));
        queue = stored(UNSENT) ? [] : queue;
      }
      queue = kept.concat(queue);
    }
  };
  const comeBack = () => {
    recognise();
    if (allowed()) {
      queue = queue.concat(read(stored(UNSENT)) || []);
      store(UNSENT, "");
      later(0);
    }
  };

  const say = (message) => {
    if (!refused && state.c !== 0) {
      message = JSON.parse(JSON.stringify({ ...message, messageId: newId(), timestamp: now() })); // as it is at this instant
      message.context = context;
      queue = queue.concat(message).slice(-WAITING_MAX);
      if (!failures) {
        later(300);
      }
    }
  };

  /* ---- what pages call ---- */

  const address = () => place.href.replace(/#(?![\/!]).*/, ""); // a fragment is no page of its own, unless it is a route
  const look = () => {
    const about = { url: place.href, referrer: context ? context.page.url : doc.referrer, title: doc.title };
    context = { page: about };
    seen = address();
    setTimeout(() => {
      about.title = doc.title; // titles follow addresses
    }, 99);
  };
  const view = (name, value) => {
    look();
    say({ type: "page", name: name, properties: value });
  };
  const told = (value) => ({ first_touch: state.f, last_touch: state.l, ...value });
  const track = (name, value) => say({ type: "track", event: name, properties: told(value) });
  const api = {
    id: () => (allowed() ? state.i : undefined),
    page: view,
    track: track,
    identify: (name, value) => {
      if (name && typeof name == "object") {
        value = name;
        name = undefined;
      }
      if (name && !/@/.test(name)) {
        state.u = name; // an address is sent, never stored
      }
      save();
      say({ type: "identify", userId: name, traits: told(value) });
    },
    consent: (value) => {
      state.c = 1;
      if (!value) {
        queue = [];
        state = { c: 0 };
        store(UNSENT, "");
      }
      comeBack();
    },
    reset: () => {
      leave();
      state = { c: state.c };
      recognise();
    },
    push: (value) => api[value[0]].apply(api, value.slice(1))
  };
  for (const name of Object.keys(api)) {
    api[name] = guard(api[name]);
  }

  /* ---- what happens by itself ---- */

  const marks = (target, value) => {
    for (const each of target.attributes) {
      const name = each.name.split("data-leadstream-")[1];
      if (name) {
        value[name.replace(/-/g, "_")] = each.value;
      }
    }
    return value;
  };
  const tell = (target, name, value) => track(target.getAttribute("data-leadstream") || name, marks(target, value));

  const start = guard(() => {
    page.leadstream = api;
    if (refused) {
      return;
    }
    state = read(cookie()) || read(stored(MINE)) || {};
    for (const name of ["pushState", "replaceState"]) {
      const act = history[name];
      history[name] = function () {
        const value = act.apply(this, arguments);
        guard(() => {
          if (name == "pushState" && seen != address()) {
            view();
          }
          seen = address();
        })();
        return value;
      };
    }
    listen(page, "popstate", () => {
      if (seen != address()) {
        view();
      }
    });
    listen(page, "online", () => {
      failures = 0;
      later(0);
    });
    listen(page, "pagehide", leave);
    listen(doc, "visibilitychange", () => {
      if (doc.hidden) {
        leave();
      }
    });
    listen(page, "pageshow", (event) => {
      if (event.persisted) {
        comeBack();
        view();
      }
    });
    listen(doc, "submit", (event) => {
      const target = event.target;
      if (target.hasAttribute("data-leadstream")) {
        const value = { form: target.getAttribute("id") };
        for (const each of target.elements) {
          if (each.name && each.value && !/pass|hidden|file|submit|area|button/.test(each.type) && !/^cc-/.test(each.autocomplete) &&
            each.getAttribute("data-leadstream") != "off" && (each.checked || !/radio|check/.test(each.type))) {
            value[each.name] = each.value;
          }
        }
        tell(target, "Form Submitted", value);
      }
    });
    listen(doc, "click", (event) => {
      const target = event.target.closest("[data-leadstream]");
      if (target && !/FORM|VIDEO|INPUT/.test(target.tagName)) {
        tell(target, "Link Clicked", { href: target.href });
      }
    });
    for (const name of ["timeupdate", "ended"]) {
      listen(doc, name, (event) => {
        const target = event.target;
        const value = Math.floor(4 * target.currentTime / target.duration) * 25;
        if (target.hasAttribute("data-leadstream") && value > (target.leadstream || 0)) {
          target.leadstream = value;
          tell(target, "Video Progress", { percent: value, src: target.currentSrc });
        }
      });
    }
    recognise();
    if (option("page") == "off") {
      look();
    } else {
      view();
    }
    for (const each of early || []) {
      api.push(each);
    }
    comeBack();
  });
  if (doc.prerendering) {
    listen(doc, "prerenderingchange", start);
  } else {
    start();
  }
})();
