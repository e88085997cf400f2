// Keys go to the terminal from the start, and again when the tab is looked at again.
const focus = () => document.querySelector(".xterm-helper-textarea")?.focus();
addEventListener("load", focus);
addEventListener("focus", focus);
