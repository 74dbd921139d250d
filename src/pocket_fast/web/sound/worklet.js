// The audio thread: obeys messages [method of Feed, ...arguments], reports about 30 times a second.

import { Feed } from "./feed.js";

const BLOCKS_PER_REPORT = 6;

class Speaker extends AudioWorkletProcessor {
  feed = new Feed();
  blocks = 0;

  constructor() {
    super();
    this.feed.reset(0, sampleRate);
    this.port.onmessage = ({ data: [method, ...values] }) => this.feed[method](...values);
  }

  process(inputs, [[out]]) {
    this.feed.read(out);
    this.blocks += 1;
    if (this.blocks % BLOCKS_PER_REPORT === 0) this.port.postMessage(this.feed.report());
    return true;
  }
}

registerProcessor("speaker", Speaker);
