"""What a report computes of networks beside their scores.

layer_gradients  how the gradient changes on its way through deep critics
"""
