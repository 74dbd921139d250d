export class SpeechPlayer {
  /** onstate: told whenever state, level or position change. */
  constructor(onstate?: (player: SpeechPlayer) => void);
  readonly state: "still" | "waiting" | "playing" | "paused";
  /** Root mean square of what is heard, 0 to 1. */
  readonly level: number;
  /** Times the sound ran dry. */
  readonly gaps: number;
  /** Seconds that were heard. */
  readonly position: number;
  /** Resolves when the last sample was heard, or when it was stopped. */
  play(stream: AsyncIterable<Float32Array>, rate?: number): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): void;
}
