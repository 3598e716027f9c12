// What this browser remembers between visits: the last address that opened, and the last texts for Up and Down.
// Neither leaves the browser. Nothing is kept that is likely to be a secret: of an address no query, user name or password,
// and no text that speaks of a password or token.

const remembered = {
  /** The address, and whether something was left out of it; null if it was the page's own echo. */
  address() {
    const address = settings.read("address", "");
    return address ? { address, isCut: settings.read("address-cut", "") === "true" } : null;
  },

  keepAddress(address, own) {
    const kept = new URL(address);
    kept.search = "";
    kept.username = "";
    kept.password = "";
    if (kept.href === own) {
      settings.remove("address");
      settings.remove("address-cut");
      return;
    }
    settings.write("address", kept.href);
    settings.write("address-cut", String(kept.href !== address));
  },

  texts() {
    try {
      const texts = JSON.parse(settings.read("texts", "[]"));
      return Array.isArray(texts) ? texts.filter((text) => typeof text === "string").slice(-mostTexts) : [];
    } catch {
      return [];
    }
  },

  /** Where there is no key to recall them with, none is kept. */
  keepTexts(texts) {
    if (matchMedia("(pointer: coarse)").matches) return;
    const kept = texts.filter((text) => text.length <= longestText && !mayBeSecret(text)).slice(-mostTexts);
    settings.write("texts", JSON.stringify(kept));
  },

  forgetTexts() {
    settings.remove("texts");
  },
};

/** Rather too often than too rarely: a text that is not kept costs nothing. */
function mayBeSecret(text) {
  return /pass(word|wd|phrase|code)|\bpwd\b|secret|token|bearer|authori[sz]ation|api.?key|private.?key|credential|cookie|session|\bpin\b|\beyJ/i.test(text);
}

const mostTexts = 20;
const longestText = 2_000;
