/** Base class of everything this framework throws on wrong use; the message is one sentence with the numbers in it. */
export class NeuriteError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Shapes, sizes or dimensions that do not fit the operation. */
export class ShapeError extends NeuriteError {}
/** A dtype that the operation does not take. */
export class DTypeError extends NeuriteError {}
/** A value outside the range that an argument allows. */
export class ValueError extends NeuriteError {}
/** An index outside the tensor. */
export class IndexError extends NeuriteError {}
/** No usable device, or tensors on different devices. */
export class DeviceError extends NeuriteError {}
/** The device went away while work was pending. */
export class DeviceLostError extends DeviceError {}
/** A plan needs more memory than the device has. */
export class OutOfMemoryError extends DeviceError {}
/** A pending tensor needs a value that an in-place update has overwritten. */
export class StaleTensorError extends NeuriteError {}
/** A file or a byte stream that is not what it claims to be. */
export class FormatError extends NeuriteError {}
/** A gradient was asked for where none can be had. */
export class AutogradError extends NeuriteError {}
/** `detectAnomaly` found the op that made the first NaN. */
export class AnomalyError extends NeuriteError {}
/** A `stateDict` that does not fit the module or optimizer. */
export class StateDictError extends NeuriteError {}
/** A defect in a backend or in the framework itself: two results that must agree do not. */
export class ValidationError extends NeuriteError {}
