"use strict";
// Passkeys: the only part of the console that cannot do without script. The options come with the form, the answer goes
// back in it; nothing is fetched.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const known = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

async function create(options) {
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: known(options.excludeCredentials),
    },
  });
  return answer(made, {
    attestationObject: text(made.response.attestationObject),
    transports: made.response.getTransports ? made.response.getTransports() : [],
  });
}

async function get(options) {
  const used = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: known(options.allowCredentials),
    },
  });
  const handle = used.response.userHandle;
  return answer(used, {
    authenticatorData: text(used.response.authenticatorData),
    signature: text(used.response.signature),
    userHandle: handle && handle.byteLength ? text(handle) : null,
  });
}

function answer(credential, more) {
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    clientExtensionResults: {},
    response: { clientDataJSON: text(credential.response.clientDataJSON), ...more },
  });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  const button = form.querySelector("[data-start]");
  const failed = form.querySelector("[data-failed]");
  const start = async () => {
    failed.hidden = true;
    button.disabled = true;
    try {
      const options = JSON.parse(form.dataset.options);
      form.elements.credential.value = await (form.dataset.passkey === "create" ? create : get)(options);
      form.submit();
    } catch {
      failed.hidden = false;
      button.disabled = false;
    }
  };
  form.querySelector("[data-without]").hidden = true;
  button.hidden = false;
  button.addEventListener("click", start);
  // Return in the field of the name starts, too; without a credential there is nothing to send.
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    start();
  });
}
