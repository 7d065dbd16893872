// What a reader would complain about, as a list of sentences: text that leaves the screen or its box, and text that
// stands out too little from what is behind it (WCAG 2.2, 1.4.3: 4.5 to 1, large text 3 to 1).
(() => {
  const complaints = new Set();
  const name = (element) => element.tagName.toLowerCase() + (element.className ? "." + element.className : "");
  const excerpt = (text) => JSON.stringify(text.trim().slice(0, 40));
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    complaints.add(`the page is ${root.scrollWidth} wide on a screen of ${root.clientWidth}`);
  }
  for (const element of document.body.querySelectorAll("*")) {
    if (element.clientWidth && element.scrollWidth > element.clientWidth + 1) {
      complaints.add(`${name(element)} holds ${element.scrollWidth} in ${element.clientWidth}`);
    }
  }

  const parse = (color) => {
    const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
    return { channels: [red, green, blue], alpha };
  };
  const over = (top, below) => top.channels.map((value, i) => value * top.alpha + below[i] * (1 - top.alpha));
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(parse(getComputedStyle(one).backgroundColor));
    const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    return layers.reduceRight((below, layer) => over(layer, below), canvas);
  };
  const luminance = (channels) => {
    const [red, green, blue] = channels.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };

  let texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.data.trim()) continue;
    texts += 1;
    const element = node.parentElement;
    const range = document.createRange();
    for (const word of node.data.matchAll(/\S+/g)) { // spaces may hang out of a line's end
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      for (const box of range.getClientRects()) {
        if (box.left < -0.5 || box.right > root.clientWidth + 0.5) complaints.add(`${excerpt(word[0])} leaves the screen`);
      }
    }
    const style = getComputedStyle(element);
    const back = behind(element);
    const [darker, lighter] = [luminance(back), luminance(over(parse(style.color), back))].sort((a, b) => a - b);
    const ratio = (lighter + 0.05) / (darker + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) complaints.add(`${excerpt(node.data)} has a contrast of ${ratio.toFixed(2)}`);
    if (size < 12) complaints.add(`${excerpt(node.data)} is ${size} pixels high`);
  }
  return { texts, complaints: [...complaints] };
})()
